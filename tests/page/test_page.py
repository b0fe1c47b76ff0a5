"""The live page in a real browser.

    python tests/page/test_page.py --posed target/debug/posed [--only NAME ...] [--pictures DIR]
    python tests/page/test_page.py --url http://127.0.0.1:8420 [--password WORD]

Starts `posed run` with configurations of its own and prints `good: NAME` for each promise that is
kept; at the first that is not, says which and ends with 1. With --url the page is one that runs
already, and what does not fit it is skipped. Needs chromium, chromedriver and requirements.txt.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import checks
from board import REPOSITORY, Board, Elsewhere, NotGood, ask
from browser import Browser
from selenium.common.exceptions import WebDriverException

PASSWORD = "correct horse"
PHOTO = f'kind = "photo"\npath = "{REPOSITORY / "photos" / "basketball.jpg"}"\nfps = 5'
POSES = """
[find]
min_fps = 0.1              # nobody waits for a turn, whose skeleton would be faint

[pose.ball_up]
when = "left_wrist near right_wrist within 0.6 and left_wrist above mid_hip by 0.3"

[pose.hands_up]
when = ["left_wrist above left_shoulder by 0.2", "right_wrist above right_shoulder by 0.2"]
hold_s = 0.5

[pose.odd]
when = "not left_wrist above nose by 0.2 or (visible(nose) and angle(left_shoulder, left_elbow, left_wrist) in 150..180)"
"""


def edited(posed: str, folder: Path) -> Board:
    clips = folder / "clips"
    clips.mkdir(parents=True)
    return Board(posed, folder, PHOTO, page=f'edit = true\nclips = "{clips}"', rest=POSES)


def zoned(posed: str, folder: Path) -> Board:
    zones = """
[zone.door]
points = [[0.05, 0.1], [0.3, 0.1], [0.3, 0.9], [0.05, 0.9]]

[zone.roof]
points = [[0.4, 0.4], [0.9, 0.2], [0.95, 0.6]]
"""
    return Board(posed, folder, PHOTO, rest=POSES + zones)


def clip(posed: str, folder: Path) -> Board:
    """A man who goes through the picture and out of it, again and again."""
    recording = REPOSITORY / "tests" / "recordings" / "man_goes_through" / "clip.avi"
    source = f'kind = "clip"\npath = "{recording}"\nrepeat = true'
    upright = '[pose.upright]\nwhen = "tilt(mid_hip, mid_shoulder) in 0..20"\nhold_s = 0.5\n'
    return Board(posed, folder, source, rest=upright)


def locked(posed: str, folder: Path) -> Board:
    folder.mkdir(parents=True)
    secret = folder / "password"
    subprocess.run([posed, "password", str(secret)], input=PASSWORD + "\n", text=True, check=True)
    return Board(posed, folder, PHOTO, page=f'password_file = "{secret}"\nedit = true', rest=POSES)


def bare(posed: str, folder: Path) -> Board:
    return Board(posed, folder, PHOTO, page='picture = "none"', rest=POSES)


# What is promised, and of which board.
PROMISES = [
    ("loads_without_errors", checks.loads_without_errors, edited),
    ("the_skeleton_lies_on_the_man", checks.the_skeleton_lies_on_the_man, edited),
    ("the_zones_lie_where_the_configuration_says", checks.the_zones_lie_where_the_configuration_says, zoned),
    ("a_panel_follows_the_clip", checks.a_panel_follows_the_clip, clip),
    ("a_password_keeps_others_out", checks.a_password_keeps_others_out, locked),
    ("a_broken_configuration_is_refused", checks.a_broken_configuration_is_refused, edited),
    ("nobody_is_overwritten", checks.nobody_is_overwritten, edited),
    ("a_pose_is_taught", checks.a_pose_is_taught, edited),
    ("a_clip_is_saved", checks.a_clip_is_saved, edited),
    ("a_telephone_is_wide_enough", checks.a_telephone_is_wide_enough, edited),
    ("the_keyboard_alone_will_do", checks.the_keyboard_alone_will_do, edited),
    ("a_hidden_page_reads_no_picture", checks.a_hidden_page_reads_no_picture, edited),
    ("without_pictures_skeletons_on_black", checks.without_pictures_skeletons_on_black, bare),
    ("a_lost_connection_comes_back", checks.a_lost_connection_comes_back, edited),
]


def fits(name: str, state: dict, password: str | None) -> bool:
    """Whether a promise is one of the page at --url."""
    if name == "a_password_keeps_others_out":
        return password is not None
    if password is not None:
        return False
    if name == "without_pictures_skeletons_on_black":
        return state["picture"] == "none"
    if name in ("a_broken_configuration_is_refused", "nobody_is_overwritten", "a_pose_is_taught"):
        return state["edit"]
    if name == "a_clip_is_saved":
        return state["clips"] and state["picture"] != "none"
    if name == "the_zones_lie_where_the_configuration_says":
        return bool(state.get("zones"))
    if name in ("the_skeleton_lies_on_the_man", "a_hidden_page_reads_no_picture"):
        return state["picture"] != "none"
    return True


def on(board, check, pictures: Path | None, password: str | None):
    with Browser(pictures) as browser:
        check(board, browser, password=password)


def here(board: Board, check, pictures: Path | None):
    with board:
        on(board, check, pictures, PASSWORD)


def keep(name: str, promise):
    try:
        promise()
    except (NotGood, WebDriverException) as error:
        raise NotGood(f"{name}: {error}") from error
    print(f"good: {name}", flush=True)


def run_elsewhere(args):
    state = {} if args.password else ask(f"{args.url.rstrip('/')}/state").json()
    for name, check, _ in PROMISES:
        if (args.only and name not in args.only) or not fits(name, state, args.password):
            print(f"skipped: {name}", flush=True)
            continue
        keep(name, lambda check=check: on(Elsewhere(args.url), check, args.pictures, args.password))


def run_here(args, folder: Path):
    posed = str(Path(args.posed).resolve())
    for name, check, board in PROMISES:
        if args.only and name not in args.only:
            continue
        keep(name, lambda name=name, check=check, board=board: here(board(posed, folder / name), check, args.pictures))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--posed", help="the program, which is started with configurations of its own")
    which.add_argument("--url", help="a page that runs already")
    parser.add_argument("--password", help="of the page at --url")
    parser.add_argument("--only", action="append", help="only this promise", metavar="NAME")
    parser.add_argument("--pictures", type=Path, help="where screenshots are put")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="posed-page-"))
    try:
        if args.url:
            run_elsewhere(args)
        else:
            run_here(args, folder)
    except NotGood as error:
        print(f"not good: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
