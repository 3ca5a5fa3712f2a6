/*
 * terminal - a program on a terminal of its own, with a person in front of it.
 *
 *   terminal_open(&t, program, arguments);
 *   terminal_expect(&t, "hmc1:~> ");
 *   terminal_type(&t, "echo a\n");
 *   terminal_expect(&t, "\na\r\n");
 *   assert_int_equal(terminal_end(&t), 0);
 *
 * Threads: one. What a test cannot do without fails it at once.
 */
#ifndef TESTS_INTEGRATION_HMC_TERMINAL_H
#define TESTS_INTEGRATION_HMC_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

#define TERMINAL_TEXT_BYTES 65536

struct terminal {
	int pid, fd;
	size_t count, seen; /* of text: what came, what was expected already */
	char text[TERMINAL_TEXT_BYTES];
};

/* `arguments` begins with argv[0] and ends with NULL. */
void terminal_open(struct terminal *terminal, const char *program,
		   const char *const *arguments);
void terminal_type(struct terminal *terminal, const char *keys);

/* Waits for the text in what was not expected yet, and goes on behind it. */
void terminal_expect(struct terminal *terminal, const char *text);

/* Waits for the end of the program; its exit code, or 128 + signal. */
int terminal_end(struct terminal *terminal);

#endif
