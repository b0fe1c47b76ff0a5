"""Two engines in turns on one CPU: medians and ratio per round, and the overall median ratio.

    paired.py [--rounds 15] [--runs 20] [--cpu 1] [--json] A -- B
    paired.py posed bench lite_hrnet_18 --threads 1 -- python peers.py ncnn ncnn/lite_hrnet_18

A and B are commands that speak PROTOCOL.md; `--follow --runs RUNS` is added to both. The ratio is A / B: below 1, A is faster.
The last line gives the median ratio and the least and greatest of the middle half of the rounds.
"""

import argparse
import json
import statistics
import subprocess
import sys


class Side:
    def __init__(self, command, cpu, runs):
        self.process = subprocess.Popen(
            ["taskset", "-c", str(cpu), *command, "--follow", "--runs", str(runs)],
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.command = " ".join(command)

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.command}: ended with status {self.process.wait()} instead of answering")
        return json.loads(line)

    def batch_ms(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.answer()["median_ms"]

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


def main():
    if "--" not in sys.argv:
        sys.exit(__doc__)
    at = sys.argv.index("--")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--cpu", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="only the summary, as one line of JSON")
    parser.add_argument("a", nargs=argparse.REMAINDER)
    args = parser.parse_args(sys.argv[1:at])
    a, b = (Side(command, args.cpu, args.runs) for command in (args.a, sys.argv[at + 1 :]))
    for side in (a, b):
        side.answer()  # ready
    rows = []
    for i in range(args.rounds):
        ms = {side: side.batch_ms() for side in ((a, b) if i % 2 == 0 else (b, a))}
        rows.append((ms[a], ms[b], ms[a] / ms[b]))
        if not args.json:
            print(f"round {i + 1:2}  A {ms[a]:8.3f} ms  B {ms[b]:8.3f} ms  A/B {ms[a] / ms[b]:.3f}", flush=True)
    for side in (a, b):
        side.close()
    a_ms, b_ms, ratio = (statistics.median(column) for column in zip(*rows, strict=True))
    ratios = sorted(r for *_, r in rows)
    low, high = ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]
    if args.json:
        print(
            json.dumps(
                {
                    "a_ms": round(a_ms, 3),
                    "b_ms": round(b_ms, 3),
                    "ratio": round(ratio, 4),
                    "ratio_middle_half": [round(low, 4), round(high, 4)],
                    "rounds": len(rows),
                    "runs": args.runs,
                }
            )
        )
    else:
        print(
            f"median    A {a_ms:8.3f} ms  B {b_ms:8.3f} ms  A/B {ratio:.3f} (middle half of the rounds {low:.3f} to {high:.3f})"
        )


if __name__ == "__main__":
    main()
