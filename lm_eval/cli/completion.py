"""Print a script that lets a shell complete commands, options, task names and files.

bash: eval "$(lm_eval completion bash)" in ~/.bashrc. zsh: eval "$(lm_eval completion zsh)" in ~/.zshrc, after compinit.
fish: lm_eval completion fish > ~/.config/fish/completions/lm_eval.fish.
"""

from __future__ import annotations

import argparse
import sys

from lm_eval.cli import exit_codes
from lm_eval.text import visible

__all__ = ["add_arguments", "run"]

_BASH = r"""
_lm_eval() {
    local IFS=$'\n' word="${COMP_WORDS[COMP_CWORD]}" found
    found=($("${COMP_WORDS[0]}" completion --words "${COMP_WORDS[@]:1:COMP_CWORD-1}" "$word" 2>/dev/null))
    [[ $word == "=" ]] && word=""
    case "${found[0]}" in
        :files) compopt -o filenames; COMPREPLY=($(compgen -f -- "$word")) ;;
        :dirs) compopt -o filenames; COMPREPLY=($(compgen -d -- "$word")) ;;
        *) COMPREPLY=("${found[@]}"); [[ ${#found[@]} == 1 && ${found[0]} == *= ]] && compopt -o nospace ;;
    esac
}
complete -F _lm_eval lm_eval lm-eval
"""

_ZSH = r"""
#compdef lm_eval lm-eval
_lm_eval() {
    local -a found
    found=("${(@f)$("${words[1]}" completion --words "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    case "${found[1]}" in
        :files) [[ $PREFIX == --*=* ]] && compset -P '*='; _files ;;
        :dirs) [[ $PREFIX == --*=* ]] && compset -P '*='; _files -/ ;;
        '') return 1 ;;
        *) if [[ $#found == 1 && ${found[1]} == *= ]]; then compadd -S '' -a found; else compadd -a found; fi ;;
    esac
}
compdef _lm_eval lm_eval lm-eval
"""

_FISH = r"""
function __lm_eval_paths
    set -l head (string match -r -- '^--[^=]*=' $argv[1])
    printf "$head%s\n" (__fish_complete_path (string replace -- "$head" '' $argv[1]))
end
function __lm_eval_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l found ($words[1] completion --words $words[2..-1] "$word" 2>/dev/null)
    switch "$found[1]"
        case :files
            __fish_complete_path $word
            string match -q -- '--*=*' $word; and __lm_eval_paths $word
        case :dirs
            __fish_complete_directories $word ''
            string match -q -- '--*=*' $word; and __lm_eval_paths $word
        case '*'
            printf '%s\n' $found
    end
end
complete -c lm_eval -f -a '(__lm_eval_complete)'
complete -c lm-eval -f -a '(__lm_eval_complete)'
"""

_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the shell.

    Args:
        parser: Gets the options.
    """
    parser.add_argument("shell", nargs="?", choices=list(_SCRIPTS), help="The shell.")
    parser.add_argument("--words", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)


def run(namespace: argparse.Namespace) -> int:
    """Print the script; or, with ``--words``, the candidates for the last word, one on each line.

    Args:
        namespace: The parsed options.

    Returns:
        0.

    Raises:
        ConfigError: No shell is given.
    """
    if namespace.words is not None:
        from lm_eval.cli._candidates import candidates

        sys.stdout.write("".join(f"{visible(word)}\n" for word in candidates(namespace.words)))
        return exit_codes.OK
    if namespace.shell is None:
        from lm_eval.errors import ConfigError

        raise ConfigError(f"No shell given; it is one of {', '.join(_SCRIPTS)}.")
    sys.stdout.write(_SCRIPTS[namespace.shell].lstrip())
    return exit_codes.OK
