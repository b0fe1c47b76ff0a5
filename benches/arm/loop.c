/* Does -icount shift=0 count instructions? Two loops of known length: expected, and what the clock says. Built static by measure.sh. */
#include <stdio.h>
#include <time.h>

static long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000L + t.tv_nsec;
}

static void plain(long n) { __asm__ volatile("1: subs %0, %0, #1\n b.ne 1b" : "+r"(n)::"cc"); }

static void vector(long n, const char *p) {
    __asm__ volatile("1: ldr q0, [%1]\n ldr q1, [%1, #16]\n smull v2.8h, v0.8b, v1.8b\n smlal2 v2.8h, v0.16b, v1.16b\n"
                     "sadalp v3.4s, v2.8h\n scvtf v4.4s, v3.4s\n fmla v5.4s, v4.4s, v4.4s\n str q5, [%1, #32]\n"
                     "subs %0, %0, #1\n b.ne 1b"
                     : "+r"(n) : "r"(p) : "cc", "memory", "v0", "v1", "v2", "v3", "v4", "v5");
}

int main(void) {
    static char room[48];
    long a = now();
    plain(50000000);
    long b = now();
    vector(10000000, room);
    long c = now();
    printf("loop plain: %ld of 100000000 ns\nloop vector: %ld of 100000000 ns\n", b - a, c - b);
}
