#!/bin/sh
# Cuts the clip that pedestrian.json describes: one woman walking away over a lawn, nobody else in sight.
# In:  pedestrian.sh OUT.y4m; vtest.avi of the Debian package opencv-doc (cut here anew each time, never committed)
# Out: OUT.y4m, 65 frames of 224x272, 4:2:0, 10 frames a second, her height 125 to 165 px
#      pedestrian.json: for every 10th frame [frame, centre_x, centre_y, height] of her silhouette, in clip pixels
# Missing packages are installed with apt-get, which needs root.
set -eu

[ $# -eq 1 ] || { echo "usage: pedestrian.sh OUT.y4m" >&2; exit 2; }
out=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

install() { { apt-get update -q && apt-get install -y --no-install-recommends "$1"; } >&2; }
command -v ffmpeg >/dev/null || install ffmpeg
dpkg -s opencv-doc >/dev/null 2>&1 || install opencv-doc

clip=$(dpkg -L opencv-doc | grep -m1 -E '/vtest\.avi(\.gz)?$') || { echo "opencv-doc holds no vtest.avi" >&2; exit 1; }
if [ ! -e "$clip" ]; then
    # Slim images leave /usr/share/doc out when they install a package.
    (cd "$work" && apt-get download opencv-doc >&2 && dpkg-deb -x opencv-doc_*.deb .)
    clip=$work$clip
fi
case $clip in
    *.gz) gzip -dc "$clip" >"$work/vtest.avi"; clip=$work/vtest.avi ;;
esac

ffmpeg -v error -y -i "$clip" -an \
    -vf 'trim=start_frame=606:end_frame=671,setpts=PTS-STARTPTS,crop=224:272:210:304' \
    -pix_fmt yuv420p -f yuv4mpegpipe "$out"
