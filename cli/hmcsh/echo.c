/* echo - the builtins echo and printf, and the escapes that they know. */
#include "cli/hmcsh/builtins.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH_MAX 4096 /* of a field; arbitrary */
#define SPEC_BYTES 24  /* %-+ #0, two numbers of 4 digits, ll and a letter */

/* Digits of a base at *at, at most `max`. */
static unsigned take_digits(const char **at, unsigned base, unsigned max)
{
	unsigned value = 0;

	for (unsigned i = 0; i < max && isxdigit((unsigned char)**at); i++) {
		unsigned digit =
			isdigit((unsigned char)**at)
				? (unsigned)(**at - '0')
				: (unsigned)(tolower((unsigned char)**at) - 'a' + 10);

		if (digit >= base)
			break;
		value = value * base + digit;
		(*at)++;
	}
	return value;
}

/*
 * What is behind a backslash at *at, which moves on. False: \c, nothing more is to be
 * printed.
 */
static bool put_escape(const char **at)
{
	static const char letters[] = "abefnrtv\\", values[] = "\a\b\033\f\n\r\t\v\\";
	const char *letter;

	if (**at == 'c')
		return false;
	if (**at == 'x' && isxdigit((unsigned char)(*at)[1])) {
		(*at)++;
		(void)putchar((int)take_digits(at, 16, 2));
		return true;
	}
	if (**at >= '0' && **at <= '7') {
		(void)putchar((int)(take_digits(at, 8, **at == '0' ? 4 : 3) & 0xff));
		return true;
	}
	letter = **at != '\0' ? strchr(letters, **at) : NULL;
	if (letter == NULL) {
		(void)putchar('\\');
		return true;
	}
	(void)putchar(values[letter - letters]);
	(*at)++;
	return true;
}

/* A text with its escapes; false after \c. */
static bool put_escaped(const char *text)
{
	while (*text != '\0') {
		if (*text != '\\') {
			(void)putchar(*text++);
			continue;
		}
		text++;
		if (!put_escape(&text))
			return false;
	}
	return true;
}

int hmcsh_echo(struct hmcsh *shell, char *const *words)
{
	bool has_newline = true, has_escapes = false, goes_on = true;
	unsigned i = 1;

	(void)shell;
	for (; words[i] != NULL && words[i][0] == '-' && words[i][1] != '\0' &&
	       words[i][1 + strspn(words[i] + 1, "neE")] == '\0';
	     i++) {
		has_newline = has_newline && strchr(words[i], 'n') == NULL;
		for (const char *at = words[i] + 1; *at != '\0'; at++)
			has_escapes = *at == 'e' || (has_escapes && *at != 'E');
	}
	for (unsigned first = i; words[i] != NULL && goes_on; i++) {
		if (i > first)
			(void)putchar(' ');
		if (has_escapes)
			goes_on = put_escaped(words[i]);
		else
			(void)fputs(words[i], stdout);
	}
	if (has_newline && goes_on)
		(void)putchar('\n');
	return HMCSH_DONE;
}

struct printing {
	const char *name;
	char *const *next; /* word for the next field */
	bool has_ended;    /* \c */
	int status;
};

static const char *take_word(struct printing *p)
{
	return *p->next != NULL ? *p->next++ : "";
}

static int complain(struct printing *p, const char *word, const char *why)
{
	p->status = hmcsh_say(HMCSH_FAILED, p->name, "%.80s: %s", word, why);
	return p->status;
}

static long long take_integer(struct printing *p)
{
	const char *word = take_word(p);
	long long value;
	char *end;

	if (word[0] == '\'' || word[0] == '"')
		return (unsigned char)word[1];
	errno = 0;
	value = strtoll(word, &end, 0);
	if (*end != '\0' || errno != 0)
		(void)complain(p, word, "invalid number");
	return value;
}

static double take_real(struct printing *p)
{
	const char *word = take_word(p);
	char *end;
	double value = strtod(word, &end);

	if (*end != '\0')
		(void)complain(p, word, "invalid number");
	return value;
}

/* "%-5.3" up to the letter, checked; its length, or 0. */
static size_t measure_spec(const char *spec)
{
	size_t at = 1 + strspn(spec + 1, "-+ #0"), digits;

	if (at > 6)
		return 0;
	digits = strspn(spec + at, "0123456789");
	if (digits > 4 || strtoul(spec + at, NULL, 10) > WIDTH_MAX)
		return 0;
	at += digits;
	if (spec[at] == '.') {
		at++;
		digits = strspn(spec + at, "0123456789");
		if (digits > 4 || strtoul(spec + at, NULL, 10) > WIDTH_MAX)
			return 0;
		at += digits;
	}
	return at;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
/* The spec was measured: flags, two small numbers and this letter. */
static void put_field(struct printing *p, const char *spec, size_t count, char letter)
{
	char format[SPEC_BYTES];
	const char *word;

	(void)snprintf(format, sizeof(format), "%.*s%s%c", (int)count, spec,
		       strchr("diouxX", letter) != NULL ? "ll" : "", letter);
	switch (letter) {
	case 's':
		(void)printf(format, take_word(p));
		return;
	case 'c':
		word = take_word(p);
		format[count] = 's'; /* an empty word is no character */
		(void)printf(format, (char[]){ word[0], '\0' });
		return;
	case 'b':
		p->has_ended = !put_escaped(take_word(p));
		return;
	case 'd':
	case 'i':
	case 'o':
	case 'u':
	case 'x':
	case 'X':
		(void)printf(format, take_integer(p));
		return;
	default:
		(void)printf(format, take_real(p));
		return;
	}
}
#pragma GCC diagnostic pop

/* One turn of the format. */
static void put_format(struct printing *p, const char *format)
{
	while (*format != '\0' && !p->has_ended) {
		size_t count;

		if (*format == '\\') {
			format++;
			p->has_ended = !put_escape(&format);
			continue;
		}
		if (*format != '%' || format[1] == '%') {
			(void)putchar(*format);
			format += *format == '%' ? 2 : 1;
			continue;
		}
		count = measure_spec(format);
		if (count == 0 || format[count] == '\0' ||
		    strchr("scbdiouxXeEfFgG", format[count]) == NULL) {
			(void)complain(p, format, "invalid format");
			p->has_ended = true;
			return;
		}
		put_field(p, format, count, format[count]);
		format += count + 1;
	}
}

int hmcsh_printf(struct hmcsh *shell, char *const *words)
{
	struct printing p = { .name = words[0] };
	char *const *before;

	(void)shell;
	if (words[1] != NULL && strcmp(words[1], "--") == 0)
		words++;
	if (words[1] == NULL)
		return hmcsh_say(HMCSH_WRONG, p.name, "usage: printf FORMAT [WORD...]");
	p.next = words + 2;
	/* again while there are words and the format takes some */
	do {
		before = p.next;
		put_format(&p, words[1]);
	} while (*p.next != NULL && p.next != before && !p.has_ended);
	return p.status;
}
