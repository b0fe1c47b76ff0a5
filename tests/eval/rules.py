"""How often the recipes of docs/rules.md and the poses of config/posed.toml are right, on photos.

In:  python tests/eval/rules.py POSED PHOTOS [--model NAME] [--visible 0.25]
     POSED the program, PHOTOS the folder JPEGImages of Stanford 40 Actions (Yao et al. 2011), which is not part of this repository;
     tests/eval/rules_truth.txt what is to be seen on the photos. Needs nothing but Python
Out: the table of docs/rules.md on stdout. Judged is the largest person on each photo, by the rule alone, without hold_s.
     right: photos that show the pose and on which the rule holds. wrong: photos that do not, and on which it holds all the same.
"""

import argparse
import collections
import json
import pathlib
import subprocess
import tempfile
import tomllib

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
# The letters of rules_truth.txt that make a pose of the sample or a recipe right; a recipe goes by the beginning of its text.
POSES = {
    "hands_up": "u",
    "left_hand_up": "l",
    "right_hand_up": "r",
    "t_pose": "t",
    "hands_together": "h",
    "leaning": "n",
    "squat": "s",
    "lying": "f",
}
RECIPES = {
    "Hands up": "u",
    "One hand up": "lruw",
    "The left hand alone": "l",
    "T-pose": "t",
    "Squat": "s",
    "Start of a wave": "lruw",
    "Fall": "f",
    "Hand on the ear": "e",
    "Arms crossed": "c",
}


def truth() -> dict[str, set[str]]:
    """What each photo shows, by its name without the ending; a photo that is not listed but of a listed action shows nothing."""
    shown = {}
    for line in (HERE / "rules_truth.txt").read_text().splitlines():
        if line.startswith("#") or not line.strip():
            continue
        action, *pairs = line.split()
        shown.update({f"{action}_{number:03}": set() for number in range(1, 31)})
        shown.update({f"{action}_{number}": set(letters) for number, letters in zip(pairs[::2], pairs[1::2], strict=True)})
    return shown


def rules() -> list[tuple[str, str, list[str]]]:
    """Name, letters and texts of every rule."""
    sample = tomllib.loads((ROOT / "config/posed.toml").read_text())["pose"]
    texts = {name: [pose["when"]] if isinstance(pose["when"], str) else pose["when"] for name, pose in sample.items()}
    found = [(f"`{name}`", POSES[name], when) for name, when in texts.items()]
    before, *parts = (ROOT / "docs/rules.md").read_text().split("```rule\n")
    for part in parts:
        text, after = part.split("```", 1)
        said = before.strip().split("\n\n")[-1]
        name = next(name for name in RECIPES if said.startswith(name))
        found.append((name, RECIPES[name], [text]))
        before = after
    return found


def configuration(rules: list[tuple[str, str, list[str]]], visible: float) -> str:
    poses = "".join(f"[pose.rule{i}]\nwhen = {json.dumps(when)}\n" for i, (_, _, when) in enumerate(rules))
    return f'visible = {visible}\n[source]\nkind = "synthetic"\n{poses}'


def largest(people: list[dict]) -> list[str]:
    """The poses of whoever has the largest box."""
    if not people:
        return []
    return max(people, key=lambda person: person["box"][2] * person["box"][3])["poses"]


def judge(lines: list[dict], rules: list[tuple[str, str, list[str]]], shown: dict[str, set[str]]) -> list[str]:
    """The table's lines."""
    photos = {pathlib.Path(line["source"]).stem: largest(line["people"]) for line in lines}
    table = ["| rule | right | wrong | wrong on |", "|---|---|---|---|"]
    for i, (name, letters, _) in enumerate(rules):
        holds = {photo for photo, poses in photos.items() if f"rule{i}" in poses}
        true = {photo for photo in photos if shown[photo] & set(letters)}
        wrong = collections.Counter(photo.rsplit("_", 1)[0] for photo in holds - true)
        where = ", ".join(f"{action.replace('_', ' ')} {n}" for action, n in wrong.most_common())
        right = f"{len(holds & true)} of {len(true)}" if true else "no such photo"
        table.append(f"| {name} | {right} | {len(holds - true)} of {len(photos) - len(true)} | {where or '–'} |")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("posed")
    parser.add_argument("photos", type=pathlib.Path)
    parser.add_argument("--model")
    parser.add_argument("--visible", type=float, default=0.25)
    args = parser.parse_args()
    shown, all_rules = truth(), rules()
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(configuration(all_rules, args.visible))
        file.flush()
        command = [args.posed, "image", "--config", file.name] + (["--model", args.model] if args.model else [])
        command += [str(args.photos / f"{photo}.jpg") for photo in sorted(shown)]
        told = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    lines = [json.loads(line) for line in told.stdout.splitlines()]
    if len(lines) != len(shown):
        raise SystemExit(f"{len(lines)} of {len(shown)} photos were read: give the folder of Stanford 40's JPEGImages")
    print("\n".join(judge(lines, all_rules, shown)))


if __name__ == "__main__":
    main()
