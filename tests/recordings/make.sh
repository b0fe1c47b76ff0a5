#!/bin/bash
# make.sh: makes the clips of the recordings anew from photos/, with ffmpeg. They are committed: another ffmpeg encodes other bytes, and
# events.jsonl belongs to the bytes.
set -euo pipefail
cd "$(dirname "$0")"
photos=../../photos

# clip OUT FILTERGRAPH [ffmpeg's arguments]: 10 frames a second of a flat grey room (input 0), the photo's man (input 1: the left one) in it.
clip() {
    local out=$1 graph=$2
    shift 2
    mkdir -p "$(dirname "$out")"
    ffmpeg -v error -y -bitexact -f lavfi -i color=0x707070:s=320x240:r=10 -loop 1 -framerate 10 -i "$photos/basketball.jpg" \
        -filter_complex "[1]crop=152:404:34:76[man];$graph" -an -bitexact "$@" "$out"
}
avi=(-c:v mjpeg -q:v 4)

# A man goes from left to right through the picture, out of it and is not seen again.
clip man_goes_through/clip.avi "[man]scale=-2:210[m];[0][m]overlay=x=-90+t*52:y=25:eval=frame" -t 8.5 "${avi[@]}"

# He grows until his feet are out of the picture, as one who comes up to the camera.
clip man_comes_near/clip.avi "[man]scale=h=90+42*t:w=-2:eval=frame[m];[0][m]overlay=x=(W-w)/2:y=(H-h)/2:eval=frame" -t 6 "${avi[@]}"

# He stands, goes, comes back: after 0.6 s as the same, after 2.5 s as someone new.
clip man_leaves_and_comes_back/clip.avi "[man]scale=-2:220[m];[0][m]overlay=x=100+8*sin(2*t):y=12:eval=frame:enable='lt(t,2)+between(t,2.6,4.45)+gt(t,7)'" -t 9 "${avi[@]}"

# He sways; then two frames are damaged: the 16th is cut off inside, the 31st is none at all.
clip damaged_frames/clip.avi "[man]scale=-2:220[m];[0][m]overlay=x=100+30*sin(2*t):y=12:eval=frame" -t 4.5 "${avi[@]}"
python3 - damaged_frames/clip.avi <<'PY'
import sys

path = sys.argv[1]
data = bytearray(open(path, "rb").read())
at, frames = data.index(b"movi") + 4, []
while data[at : at + 4] == b"00dc":
    length = int.from_bytes(data[at + 4 : at + 8], "little")
    frames.append((at + 8, length))
    at += 8 + length + length % 2
start, length = frames[15]
data[start + length // 2 : start + length] = bytes(length - length // 2)
start, length = frames[30]
data[start : start + length] = bytes(length)
open(path, "wb").write(data)
PY

# A folder of pictures, 30 a second: a portrait sways.
rm -rf portrait_in_a_folder/clip
mkdir -p portrait_in_a_folder/clip
ffmpeg -v error -y -bitexact -loop 1 -framerate 30 -i "$photos/astronaut.jpg" \
    -vf "crop=440:440:36+30*sin(4*t):n/2,scale=240:240,setsar=1" -frames:v 30 -q:v 5 -bitexact portrait_in_a_folder/clip/%04d.jpg

# Y4M of grey alone: the camera's man leans as the picture is turned.
mkdir -p cameraman_in_grey
ffmpeg -v error -y -bitexact -loop 1 -framerate 5 -i "$photos/cameraman.jpg" \
    -vf "rotate=a=0.5*sin(1.6*t):fillcolor=gray,crop=400:512:0:0,scale=120:152,format=gray" -frames:v 20 -strict -1 -f yuv4mpegpipe cameraman_in_grey/clip.y4m

# Two beside each other: he sways, she comes in from the right and stays.
mkdir -p two_in_turns
ffmpeg -v error -y -bitexact -f lavfi -i color=0x707070:s=320x240:r=10 -loop 1 -framerate 10 -i "$photos/basketball.jpg" \
    -loop 1 -framerate 10 -i "$photos/astronaut.jpg" \
    -filter_complex "[1]crop=152:404:34:76,scale=-2:220[man];[2]crop=400:512:20:0,scale=-2:190[woman];[0][man]overlay=x=40+16*sin(2*t):y=12:eval=frame[one];[one][woman]overlay=x=max(150\\,520-260*t):y=50:eval=frame" \
    -an -bitexact -t 4 "${avi[@]}" two_in_turns/clip.avi
