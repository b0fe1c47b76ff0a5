"""hold_avx2.py [OUT_DIR]: copies of the installed onnxruntime and ncnn that see a processor without AVX-512 and VNNI.

Neither has a switch for it (checked in ncnn 20261020 and onnxruntime 1.32.0). In the copies every CPUID instruction becomes UD2, and
no_avx512.so answers the trap; it happens only while a library starts. The installed packages stay as they are. Then run

    LD_PRELOAD=OUT_DIR/no_avx512.so PYTHONPATH=OUT_DIR python peers.py ...

Needs gcc and objdump; x86-64 Linux.
"""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def cpuid_offsets(library):
    """File offsets of the CPUID instructions, as the disassembler sees them."""
    headers = subprocess.run(["objdump", "-h", "-j", ".text", library], capture_output=True, text=True, check=True).stdout
    _, _, _, vma, _, offset = next(r for r in map(str.split, headers.splitlines()) if len(r) > 5 and r[1] == ".text")[:6]
    shift = int(offset, 16) - int(vma, 16)
    lines = subprocess.Popen(["objdump", "-d", "--no-show-raw-insn", "-j", ".text", library], stdout=subprocess.PIPE, text=True)
    return [int(m[1], 16) + shift for line in lines.stdout if (m := re.match(r"\s*([0-9a-f]+):\s+cpuid\b", line))]


def main():
    out = Path(sys.argv[1] if len(sys.argv) > 1 else HERE / "site").resolve()
    out.mkdir(parents=True, exist_ok=True)
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", HERE / "no_avx512.c", "-o", out / "no_avx512.so"], check=True)
    for name in ("ncnn", "ncnn.libs", "onnxruntime"):
        package = Path(importlib.util.find_spec(name.split(".")[0]).origin).parent.with_name(name)
        shutil.copytree(
            package, out / name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "transformers", "tools")
        )
        for library in [p for p in (out / name).rglob("*.so*") if p.is_file() and not p.is_symlink()]:
            code = bytearray(library.read_bytes())
            offsets = cpuid_offsets(library)
            for at in offsets:
                assert code[at : at + 2] == b"\x0f\xa2", hex(at)
                code[at : at + 2] = b"\x0f\x0b"
            library.write_bytes(code)
            print(f"{library.relative_to(out)}: {len(offsets)} CPUID")


if __name__ == "__main__":
    main()
