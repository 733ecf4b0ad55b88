"""The system calls that a generated program may make, with their numbers; the kernel refuses all others.

Calls that open no door are allowed: working with open files, memory, time, threads and signals. Calls that open files
are allowed too, because the mounts and Landlock decide which files. The conditions of the rest (``clone``, ``kill``,
``fcntl`` and others) are in ``_code_runner.py``.
"""

from __future__ import annotations

__all__ = ["SYSTEM_CALLS"]

# Name, number on x86-64, number on aarch64; from <asm/unistd_64.h> and <asm-generic/unistd.h>.
_TABLE = """
read 0 63; write 1 64; close 3 57; lseek 8 62; mmap 9 222; mprotect 10 226; munmap 11 215; brk 12 214;
mremap 25 216; madvise 28 233; msync 26 227; openat 257 56; open 2 -; creat 85 -; stat 4 -; fstat 5 80; lstat 6 -;
newfstatat 262 79; statx 332 291; access 21 -; faccessat 269 48; readlink 89 -; readlinkat 267 78;
getdents64 217 61; getdents 78 -; getcwd 79 17; chdir 80 49; fchdir 81 50; statfs 137 43; fstatfs 138 44;
pread64 17 67; pwrite64 18 68; readv 19 65; writev 20 66; preadv 295 69; pwritev 296 70; sendfile 40 71;
copy_file_range 326 285; fsync 74 82; fdatasync 75 83; ftruncate 77 46; truncate 76 45; fallocate 285 47;
fadvise64 221 223; rename 82 -; renameat 264 38; renameat2 316 276; mkdir 83 -; mkdirat 258 34; rmdir 84 -;
unlink 87 -; unlinkat 263 35; link 86 -; linkat 265 37; symlink 88 -; symlinkat 266 36; umask 95 166; flock 73 32;
mknodat 259 33; chmod 90 -; fchmod 91 52; fchmodat 268 53; chown 92 -; fchown 93 55; lchown 94 -; fchownat 260 54;
utime 132 -; utimes 235 -; utimensat 280 88; futimesat 261 -; setxattr 188 5; lsetxattr 189 6; fsetxattr 190 7;
removexattr 197 14; lremovexattr 198 15; fremovexattr 199 16; getxattr 191 8; lgetxattr 192 9; fgetxattr 193 10;
listxattr 194 11; llistxattr 195 12; flistxattr 196 13; dup 32 23; dup2 33 -; dup3 292 24; pipe 22 -; pipe2 293 59;
fcntl 72 25; ioctl 16 29; poll 7 -; ppoll 271 73; select 23 -; pselect6 270 72; epoll_create 213 -;
epoll_create1 291 20; epoll_ctl 233 21; epoll_wait 232 -; epoll_pwait 281 22; eventfd 284 -; eventfd2 290 19;
signalfd 282 -; signalfd4 289 74; timerfd_create 283 85; timerfd_settime 286 86; timerfd_gettime 287 87;
rt_sigaction 13 134; rt_sigprocmask 14 135; rt_sigreturn 15 139; rt_sigpending 127 136; rt_sigtimedwait 128 137;
rt_sigsuspend 130 133; sigaltstack 131 132; pause 34 -; alarm 37 -; setitimer 38 103; getitimer 36 102;
timer_create 222 107; timer_settime 223 110; timer_gettime 224 108; timer_getoverrun 225 109; timer_delete 226 111;
nanosleep 35 101; clock_nanosleep 230 115; clock_gettime 228 113; clock_getres 229 114; gettimeofday 96 169;
time 201 -; times 100 153; futex 202 98; set_tid_address 218 96; set_robust_list 273 99; rseq 334 293;
membarrier 324 283; sched_yield 24 124; sched_getaffinity 204 123; sched_getparam 143 121;
sched_getscheduler 145 120; sched_get_priority_max 146 125; sched_get_priority_min 147 126; getcpu 309 168;
arch_prctl 158 -; prctl 157 167; restart_syscall 219 128; exit 60 93; exit_group 231 94; getpid 39 172;
gettid 186 178; getppid 110 173; getpgrp 111 -; getuid 102 174; geteuid 107 175; getgid 104 176; getegid 108 177;
getresuid 118 148; getresgid 120 150; getgroups 115 158; getrlimit 97 163; setrlimit 160 164; prlimit64 302 261;
getrusage 98 165; getpriority 140 141; uname 63 160; sysinfo 99 179; getrandom 318 278; clone 56 220; fork 57 -;
vfork 58 -; execve 59 221; wait4 61 260; waitid 247 95; kill 62 129; tgkill 234 131; setsid 112 157;
setpgid 109 154; socketpair 53 199; sendto 44 206; recvfrom 45 207; sendmsg 46 211; recvmsg 47 212; shutdown 48 210;
getsockopt 55 209; setsockopt 54 208; getsockname 51 204; getpeername 52 205
"""


def _numbers(column: int) -> dict[str, int]:
    rows = (entry.split() for entry in _TABLE.split(";"))
    return {row[0]: int(row[column]) for row in rows if row[column] != "-"}


SYSTEM_CALLS = {"x86_64": _numbers(1), "aarch64": _numbers(2)}
"""Machine, as ``os.uname`` names it, to the names and numbers of the calls."""
