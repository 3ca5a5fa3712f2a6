/*
 * json - writes one JSON document on stdout, a member at a time; commas are its duty.
 *
 * Contract
 *   Threads  one; there is one document a program.
 *   Errors   names and texts are ours: nothing is escaped. Depth is bounded by an
 *            invariant.
 */
#ifndef TESTS_BENCH_COMPARE_JSON_H
#define TESTS_BENCH_COMPARE_JSON_H

void json_open(const char *name); /* an object; NULL: the document, or in an array */
void json_close(void);
void json_open_array(const char *name);
void json_close_array(void);
void json_number(const char *name, double value);
void json_null(const char *name);
void json_text(const char *name, const char *text);
void json_flag(const char *name, int is_true);

#endif
