/* Code for the soak that can be told whether a register of it was changed. Needs no C library, so that one
 * file is loaded by every interpreter: cc -shared -fPIC -O1 -nostdlib.
 *
 *   hold_registers(N)  fills every register it can, counts to N, and compares; 0, or which kind was changed
 *   stay(MS)           a call that lasts: it does nothing but look at the clock
 */

#define HIDDEN __attribute__((visibility("hidden"), used))
#define EACH(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11) F(12) F(13) F(14) F(15)

/* Names that the assembly below uses. */
HIDDEN unsigned char held_vectors[16][32], seen_vectors[16][32];
HIDDEN long long held_floats[8], seen_floats[8];
HIDDEN long held_words[13], seen_words[13];
HIDDEN long wide;
HIDDEN unsigned int held_mxcsr = 0x7f80, plain_mxcsr = 0x1f80, seen_mxcsr;
HIDDEN unsigned short held_control = 0x0f7f, seen_control;

#define WIDE_IN(n) "vmovdqu held_vectors+32*" #n "(%rip), %ymm" #n "\n"
#define WIDE_OUT(n) "vmovdqu %ymm" #n ", seen_vectors+32*" #n "(%rip)\n"
#define NARROW_IN(n) "movdqu held_vectors+32*" #n "(%rip), %xmm" #n "\n"
#define NARROW_OUT(n) "movdqu %xmm" #n ", seen_vectors+32*" #n "(%rip)\n"
#define WORD_IN(n, name) "mov held_words+8*" #n "(%rip), %" #name "\n"
#define WORD_OUT(n, name) "mov %" #name ", seen_words+8*" #n "(%rip)\n"
#define EACH_WORD(F)                                                                                                   \
    F(0, rax) F(1, rbx) F(2, rdx) F(3, rsi) F(4, rdi) F(5, rbp) F(6, r8) F(7, r9) F(8, r10) F(9, r11) F(10, r12)       \
        F(11, r13) F(12, r14)
#define FLOAT_IN(n) "fildll held_floats+8*" #n "(%rip)\n"
#define FLOAT_OUT(n) "fistpll seen_floats+8*" #n "(%rip)\n"

/* long spin(long n): 1 when the carry flag and r15 are as they were. */
__asm__(".text\n.globl spin\n.hidden spin\n.type spin, @function\nspin:\n.cfi_startproc\n"
        "push %rbx\npush %rbp\npush %r12\npush %r13\npush %r14\npush %r15\n.cfi_adjust_cfa_offset 48\n"
        "mov %rdi, %rcx\nfninit\nfldcw held_control(%rip)\nldmxcsr held_mxcsr(%rip)\n"
        FLOAT_IN(0) FLOAT_IN(1) FLOAT_IN(2) FLOAT_IN(3) FLOAT_IN(4) FLOAT_IN(5) FLOAT_IN(6) FLOAT_IN(7)
        "cmpq $0, wide(%rip)\nje 1f\n" EACH(WIDE_IN) "jmp 2f\n1:\n" EACH(NARROW_IN) "2:\n"
        EACH_WORD(WORD_IN) "mov $0x5a5a5a5a, %r15\nstc\n"
        "3: dec %rcx\njnz 3b\n"
        EACH_WORD(WORD_OUT) "setc %al\nmovzbl %al, %eax\ncmp $0x5a5a5a5a, %r15\nje 4f\nxor %eax, %eax\n4:\n"
        "cmpq $0, wide(%rip)\nje 5f\n" EACH(WIDE_OUT) "vzeroupper\njmp 6f\n5:\n" EACH(NARROW_OUT) "6:\n"
        FLOAT_OUT(7) FLOAT_OUT(6) FLOAT_OUT(5) FLOAT_OUT(4) FLOAT_OUT(3) FLOAT_OUT(2) FLOAT_OUT(1) FLOAT_OUT(0)
        "fnstcw seen_control(%rip)\nstmxcsr seen_mxcsr(%rip)\nfninit\nldmxcsr plain_mxcsr(%rip)\n"
        "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbp\npop %rbx\n.cfi_adjust_cfa_offset -48\nret\n"
        ".cfi_endproc\n.size spin, .-spin\n");

__attribute__((visibility("hidden"))) extern long spin(long n);

static long has_wide_registers(void)
{
    unsigned int a = 1, b, c = 0, d, low, high;
    __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    if ((c >> 27 & 3) != 3) /* OSXSAVE and AVX */
        return 0;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & 6) == 6;
}

static int differ(const volatile unsigned char *one, const volatile unsigned char *other, long size)
{
    for (long i = 0; i < size; i++)
        if (one[i] != other[i])
            return 1;
    return 0;
}

#define BYTES(name) (const volatile unsigned char *)(name)

long hold_registers(long n)
{
    static unsigned long seed = 88172645463325252ul;
    wide = has_wide_registers();
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < 32; j++) {
            seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
            held_vectors[i][j] = seed;
            held_floats[i & 7] = seed >> 8;
            held_words[i % 13] = seed;
        }
    if (!spin(n))
        return 1;
    if (differ(BYTES(held_words), BYTES(seen_words), sizeof held_words))
        return 2;
    for (int i = 0; i < 16; i++)
        if (differ(BYTES(held_vectors[i]), BYTES(seen_vectors[i]), wide ? 32 : 16))
            return 3;
    if (differ(BYTES(held_floats), BYTES(seen_floats), sizeof held_floats))
        return 4;
    return held_mxcsr != seen_mxcsr || held_control != seen_control ? 5 : 0;
}

static long now_ms(void)
{
    long time[2], result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(228), "D"(1), "S"(time) : "rcx", "r11", "memory");
    return time[0] * 1000 + time[1] / 1000000;
}

void stay(long ms)
{
    for (long end = now_ms() + ms; now_ms() < end;)
        for (volatile int i = 0; i < 100000; i++)
            ;
}
