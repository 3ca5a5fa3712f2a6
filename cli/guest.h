/*
 * guest - a partition that is a QEMU virtual machine, or any program: its options, what is
 * shown of it.
 *
 * Threads: one. Memory: the spec points into argv and into itself: it is not copied.
 */
#ifndef CLI_GUEST_H
#define CLI_GUEST_H

#include "cli/spec.h"

bool cli_guest_is_asked(const struct cli *cli);

/*
 * The spec's guest, where --guest or --program is said. INVAL is wrong usage: options of the built-in
 * workload with it, its own without it, and what loses data of pages that are stolen.
 */
HV_MUST_USE
enum hv_code cli_guest_take(struct cli *cli, struct cli_spec *made, struct hv_err *err);

/* What a partition runs: "zipf", "qemu-x86_64", "qemu-ppc64 (tcg)", "program". */
#define CLI_RUNS_BYTES 48
const char *cli_runs_text(const Tarn__LparView *lpar, char text[CLI_RUNS_BYTES]);
/* Is there one of `count`? Where none is, no column says what each runs. */
bool cli_has_guests(size_t count, Tarn__LparView *const *lpars);

/* "guest", or "workload" as before: lines of tarn lpar show. */
void cli_guest_show_spec(struct cli *cli, const Tarn__LparView *lpar);
void cli_guest_show_stat(struct cli *cli, const Tarn__GuestStat *stat);

#endif
