"""Keep the scripts of the chosen kind, and what a repository of its own needs, where it is one."""

import pathlib
import shutil

KIND = "{{ cookiecutter.kind }}"
OWN_REPOSITORY = (".github", ".gitignore", ".gitlab-ci.yml", ".pre-commit-config.yaml", "CHANGELOG.md", "LICENSE", "site.yml")

guard = pathlib.Path("kinds", "guard.py").read_text(encoding="utf-8")
for file in sorted(pathlib.Path("kinds", KIND).iterdir()):
    # One program in the sources of the template, and part of a script in the app.
    text = file.read_text(encoding="utf-8").replace("@guard.py@\n", guard)
    pathlib.Path(file.name).write_text(text, encoding="utf-8", newline="\n")
shutil.rmtree("kinds")
if "{{ cookiecutter.standalone }}" == "no":
    for name in OWN_REPOSITORY:
        path = pathlib.Path(name)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
