/* filters - see filters.h. */
#include "cli/hmcsh/filters.h"

#include <ctype.h>
#include <string.h>

/* What may stand where a program takes files; "-" may for all but those of NUMBER. */
enum operands {
	NOTHING,
	PATTERN, /* one, unless -e gave it */
	PROGRAM, /* one, then NAME=value */
	SETS,    /* two of anything */
	FORMAT,  /* one that begins with + */
	NUMBER   /* any of digits: "1.5s" */
};

struct hmcsh_filter {
	const char *name;
	const char *path;
	enum operands operands;
	bool is_digits;     /* -5 */
	const char *flags;  /* one letter, without a value */
	const char *valued; /* one letter, with one */
	const char *longs;  /* " name name= ": with = where it has a value */
	const char *words[HMCSH_FILTER_WORDS_MAX];
};

#define GREP_FLAGS "EFGivwxycnHhoqslLabTZzI"
#define GREP_VALUED "emABC"
#define GREP_LONGS \
	" extended-regexp fixed-strings basic-regexp regexp= ignore-case no-ignore-case" \
	" word-regexp line-regexp invert-match count line-number with-filename" \
	" no-filename only-matching quiet silent no-messages files-with-matches" \
	" files-without-match max-count= after-context= before-context= context=" \
	" line-buffered text null null-data byte-offset group-separator=" \
	" no-group-separator label= color color= colour colour= "

static const struct hmcsh_filter filters[] = {
	{ "awk", "/usr/bin/awk", PROGRAM, false, "", "Fv", " ", { NULL } },
	{ "cat",
	  "/usr/bin/cat",
	  NOTHING,
	  false,
	  "AbeEnstTuv",
	  "",
	  " show-all number-nonblank show-ends number squeeze-blank show-tabs"
	  " show-nonprinting ",
	  { NULL } },
	{ "cut",
	  "/usr/bin/cut",
	  NOTHING,
	  false,
	  "nsz",
	  "bcdf",
	  " bytes= characters= delimiter= fields= complement only-delimited"
	  " output-delimiter= zero-terminated ",
	  { NULL } },
	{ "date",
	  "/usr/bin/date",
	  FORMAT,
	  false,
	  "uR",
	  "d",
	  " date= utc universal rfc-email rfc-3339= iso-8601 iso-8601= ",
	  { NULL } },
	{ "egrep",
	  "/usr/bin/grep",
	  PATTERN,
	  true,
	  GREP_FLAGS,
	  GREP_VALUED,
	  GREP_LONGS,
	  { "-E", NULL } },
	{ "fgrep",
	  "/usr/bin/grep",
	  PATTERN,
	  true,
	  GREP_FLAGS,
	  GREP_VALUED,
	  GREP_LONGS,
	  { "-F", NULL } },
	{ "grep",
	  "/usr/bin/grep",
	  PATTERN,
	  true,
	  GREP_FLAGS,
	  GREP_VALUED,
	  GREP_LONGS,
	  { NULL } },
	{ "head",
	  "/usr/bin/head",
	  NOTHING,
	  true,
	  "qvz",
	  "cn",
	  " bytes= lines= quiet silent verbose zero-terminated ",
	  { NULL } },
	/* without e, r and w, whatever is in the script */
	{ "sed",
	  "/usr/bin/sed",
	  PATTERN,
	  false,
	  "nErsuz",
	  "el",
	  " quiet silent expression= line-length= posix regexp-extended separate"
	  " unbuffered null-data ",
	  { "--sandbox", NULL } },
	{ "sleep", "/usr/bin/sleep", NUMBER, false, "", "", " ", { NULL } },
	/* no temporary files: what does not fit into memory is not sorted */
	{ "sort",
	  "/usr/bin/sort",
	  NOTHING,
	  false,
	  "bcdfghiMmnrsuVzC",
	  "kt",
	  " ignore-leading-blanks dictionary-order ignore-case general-numeric-sort"
	  " ignore-nonprinting month-sort human-numeric-sort numeric-sort reverse"
	  " version-sort check check= key= merge stable field-separator= unique"
	  " zero-terminated ",
	  { "--buffer-size=64M", "--parallel=1", NULL } },
	{ "tail",
	  "/usr/bin/tail",
	  NOTHING,
	  true,
	  "qvz",
	  "cn",
	  " bytes= lines= quiet silent verbose zero-terminated ",
	  { NULL } },
	{ "tr",
	  "/usr/bin/tr",
	  SETS,
	  false,
	  "cCdst",
	  "",
	  " complement delete squeeze-repeats truncate-set1 ",
	  { NULL } },
	{ "uniq",
	  "/usr/bin/uniq",
	  NOTHING,
	  false,
	  "cdDiuz",
	  "fsw",
	  " count repeated all-repeated all-repeated= skip-fields= group group="
	  " ignore-case skip-chars= unique zero-terminated check-chars= ",
	  { NULL } },
	{ "wc",
	  "/usr/bin/wc",
	  NOTHING,
	  false,
	  "cmlLw",
	  "",
	  " bytes chars lines max-line-length words ",
	  { NULL } },
};

const struct hmcsh_filter *hmcsh_filter_find(const char *name)
{
	for (size_t i = 0; i < HV_COUNT(filters); i++)
		if (strcmp(filters[i].name, name) == 0)
			return &filters[i];
	return NULL;
}

const char *hmcsh_filter_name(unsigned nth)
{
	return nth < HV_COUNT(filters) ? filters[nth].name : NULL;
}

const char *hmcsh_filter_path(const struct hmcsh_filter *filter)
{
	return filter->path;
}

const char *const *hmcsh_filter_words(const struct hmcsh_filter *filter)
{
	return filter->words;
}

struct checking {
	const struct hmcsh_filter *filter;
	unsigned operands;
	bool has_pattern; /* by -e */
	struct hv_err *err;
};

static enum hv_code refuse(const struct checking *c, const char *word)
{
	return hv_fail(c->err, HV_E_REFUSED, "%s: %.80s: restricted", c->filter->name,
		       word);
}

static bool is_digits(const char *word)
{
	return *word != '\0' && word[strspn(word, "0123456789")] == '\0';
}

/* Is the name, of `count` characters with its =, in the list? */
static bool has_long(const char *longs, const char *name, size_t count)
{
	while (*longs != '\0') {
		size_t n = strcspn(longs, " ");

		if (n > 0 && n == count && strncmp(longs, name, n) == 0)
			return true;
		longs += n + (longs[n] == ' ');
	}
	return false;
}

#define LONG_BYTES 32 /* the longest name has 23 */

/* "--name", "--name=value" or "--name value", spelled out; *ret_used: words it took. */
static enum hv_code check_long(struct checking *c, const char *const *words,
			       unsigned *ret_used)
{
	size_t count = strcspn(words[0] + 2, "=");
	char name[LONG_BYTES] = { 0 };

	*ret_used = 1;
	if (count + 2 > sizeof(name))
		return refuse(c, words[0]);
	memcpy(name, words[0] + 2, count);
	if (words[0][2 + count] == '\0' && has_long(c->filter->longs, name, count))
		return HV_OK;
	if (words[0][2 + count] == '\0' && words[1] != NULL)
		*ret_used = 2;
	name[count] = '=';
	if (strcmp(name, "regexp=") == 0 || strcmp(name, "expression=") == 0)
		c->has_pattern = true;
	return has_long(c->filter->longs, name, count + 1) ? HV_OK : refuse(c, words[0]);
}

/* "-abc value"; *ret_used: words it took. */
static enum hv_code check_short(struct checking *c, const char *const *words,
				unsigned *ret_used)
{
	const struct hmcsh_filter *filter = c->filter;
	const char *at = words[0] + 1;

	*ret_used = 1;
	if (filter->is_digits && is_digits(at))
		return HV_OK;
	for (; *at != '\0'; at++) {
		if (strchr(filter->flags, *at) != NULL)
			continue;
		if (strchr(filter->valued, *at) == NULL)
			return refuse(c, words[0]);
		if (*at == 'e')
			c->has_pattern = true;
		if (at[1] == '\0' && words[1] != NULL)
			*ret_used = 2;
		return HV_OK;
	}
	return HV_OK;
}

/* NAME=value, as awk reads it. */
static bool is_setting(const char *word)
{
	if (!isalpha((unsigned char)*word) && *word != '_')
		return false;
	while (isalnum((unsigned char)*word) || *word == '_')
		word++;
	return *word == '=';
}

static bool is_number(const char *word)
{
	return isdigit((unsigned char)*word) &&
	       word[strspn(word, "0123456789.smhd")] == '\0';
}

/* The nth operand of those that are no options. */
static bool is_operand(const struct checking *c, unsigned nth, const char *word)
{
	bool is_input = strcmp(word, "-") == 0;

	switch (c->filter->operands) {
	case NOTHING:
		return is_input;
	case PATTERN:
		return is_input || (nth == 0 && !c->has_pattern);
	case PROGRAM:
		return is_input || nth == 0 || is_setting(word);
	case SETS:
		return nth < 2;
	case FORMAT:
		return nth == 0 && word[0] == '+';
	case NUMBER:
		return is_number(word);
	}
	return false;
}

/* Options before operands are checked first: a -e behind them counts too. */
static enum hv_code check_words(struct checking *c, const char *const *words,
				bool is_operands)
{
	bool has_ended = false; /* "--", or the program of awk */
	unsigned used;

	c->operands = 0;
	for (unsigned i = 1; words[i] != NULL; i += used) {
		const char *word = words[i];
		bool is_option = !has_ended && word[0] == '-' && word[1] != '\0';
		enum hv_code code = HV_OK;

		used = 1;
		if (is_option && strcmp(word, "--") == 0)
			has_ended = true;
		else if (is_option && word[1] == '-')
			code = check_long(c, words + i, &used);
		else if (is_option)
			code = check_short(c, words + i, &used);
		else if (is_operands && !is_operand(c, c->operands++, word))
			code = refuse(c, word);
		if (code != HV_OK)
			return code;
		if (!is_option && c->filter->operands == PROGRAM)
			has_ended = true;
	}
	return HV_OK;
}

enum hv_code hmcsh_filter_check(const struct hmcsh_filter *filter,
				const char *const *words, struct hv_err *err)
{
	struct checking c = { .filter = filter, .err = err };
	enum hv_code code = check_words(&c, words, false);

	return code == HV_OK ? check_words(&c, words, true) : code;
}
