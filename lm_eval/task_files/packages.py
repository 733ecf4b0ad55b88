"""Which package to install when a task's code fails to import."""

from __future__ import annotations

from pathlib import Path

__all__ = ["missing_package"]

# Packages whose name to install differs from the name to import by more than "_" for "-".
_INSTALL_NAMES = {
    "antlr4": "antlr4-python3-runtime==4.11",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "fugashi": "fugashi unidic-lite",
    "iso639": "iso639-lang",
    "PIL": "pillow",
    "math_verify": "math-verify[antlr4-11-0]",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
    "absl": "absl-py",
    "tinyBenchmarks": "git+https://github.com/felipemaiapolo/tinyBenchmarks",
}


def missing_package(error: BaseException, folder: Path) -> str | None:
    """Phrase what a failed import needs.

    Args:
        error: What the import raised.
        folder: Where the importing code lies.

    Returns:
        What is needed and the command that installs it; None when the failure has nothing to do with a package.
    """
    text = " ".join(str(error).split())
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.split(".")[0]
        if package == "lm_eval" or package.startswith("_lm_eval_tasks_"):
            return None
        if (folder / f"{package}.py").is_file():
            return None
        return f"needs the package {package!r}: pip install {_INSTALL_NAMES.get(package, package.replace('_', '-'))}"
    # Task code that guards an import raises its own advice, in its own type of exception.
    if "install" in text.lower() or isinstance(error, ModuleNotFoundError):
        return f"needs a package: {text}"
    return None
