"""Keep the scripts of the chosen kind, and what a repository of its own needs, where it is one."""

import pathlib
import re
import shutil

KIND = "{{ cookiecutter.kind }}"
OWN_REPOSITORY = (".github", ".gitignore", ".gitlab-ci.yml", ".pre-commit-config.yaml", "CHANGELOG.md", "LICENSE", "site.yml")
PARTS = pathlib.Path("kinds", "parts")

for file in sorted(pathlib.Path("kinds", KIND).iterdir()):
    # A line @NAME@ stands for a file that several kinds share.
    text = re.sub(
        r"^@([a-z.]+)@\n",
        lambda found: (PARTS / found[1]).read_text(encoding="utf-8"),
        file.read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    pathlib.Path(file.name).write_text(text, encoding="utf-8", newline="\n")
shutil.rmtree("kinds")
if "{{ cookiecutter.standalone }}" == "no":
    for name in OWN_REPOSITORY:
        path = pathlib.Path(name)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
