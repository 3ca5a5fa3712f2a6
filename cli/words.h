/*
 * words - states as people read them: a word or a short phrase, and its colour.
 *
 * Threads: one. Memory: texts lie in the struct.
 */
#ifndef CLI_WORDS_H
#define CLI_WORDS_H

#include "cli/table.h"
#include "hvcore/wire/messages.h"

#define CLI_WORD_BYTES 160
#define CLI_DONE_BYTES 256

struct cli_word {
	enum cli_tone tone;
	char text[CLI_WORD_BYTES];
};

/* "up", "disconnected", "no hypervisor", "not joined" */
struct cli_word cli_host_word(const Tarn__HostView *host);
/* "active", "standby: injecting 1", "down: restarting in 2 s", "unknown" */
struct cli_word cli_vios_word(const Tarn__HostView *host, const char *name);
/* "Running", "Waiting for paging: no paging VIOS" */
struct cli_word cli_lpar_word(const Tarn__LparView *lpar);
struct cli_word cli_device_word(const Tarn__DeviceView *device);
struct cli_word cli_verdict_word(const Tarn__DrillRecord *drill);

/* "[########....]  67 %": `full` of `all`, in ASCII. */
#define CLI_BAR_BYTES 40
const char *cli_bar(uint64_t full, uint64_t all, char *buffer, size_t size);

#endif
