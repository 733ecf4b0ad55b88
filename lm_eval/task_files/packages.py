"""Names the package to install when a task's code fails to import."""

from __future__ import annotations

from pathlib import Path

__all__ = ["missing_package"]

# Import name to install name, where they differ by more than "_" and "-".
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
    """Describe what a failed import needs.

    Args:
        error: The exception of the import.
        folder: The folder of the importing code.

    Returns:
        The package and the command that installs it; None if no package is missing.
    """
    text = " ".join(str(error).split())
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.split(".")[0]
        if package == "lm_eval" or package.startswith("_lm_eval_tasks_"):
            return None
        if (folder / f"{package}.py").is_file():
            return None
        return f"needs the package {package!r}: pip install {_INSTALL_NAMES.get(package, package.replace('_', '-'))}"
    # Task code that guards an import raises an exception of any type, with advice as its text.
    if "install" in text.lower() or isinstance(error, ModuleNotFoundError):
        return f"needs a package: {text}"
    return None
