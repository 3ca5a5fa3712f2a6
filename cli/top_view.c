/* top_view - which partitions are shown, in which order, and the keys that say so. */
#include "cli/top.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/keys.h"

#define INTERVAL_LEAST_MS 500
#define INTERVAL_MOST_MS 60000

/* ---- order ---- */

/* What is not known comes last, whichever way it is sorted; names decide: p2, p10. */
static int compare(const void *a, const void *b, void *arg)
{
	const struct top *top = arg;
	const struct top_row *first = &top->rows[*(const uint32_t *)a];
	const struct top_row *second = &top->rows[*(const uint32_t *)b];
	double x = top_value(first, top->sort), y = top_value(second, top->sort);
	int names = strverscmp(first->name, second->name);

	if (top->sort == TOP_NAME)
		return top->is_reversed ? -names : names;
	if (isnan(x) || isnan(y))
		return isnan(x) && isnan(y) ? names : isnan(x) ? 1 : -1;
	if (x == y)
		return names;
	return (x > y) != top->is_reversed ? -1 : 1;
}

static bool is_wanted(const struct top *top, const struct top_row *row)
{
	return top->filter[0] == '\0' || strstr(row->name, top->filter) != NULL ||
	       strstr(row->host, top->filter) != NULL;
}

void top_keep_in_list(struct top *top)
{
	size_t count = top->shows_hosts ? top->host_count : top->shown;
	size_t last = count > top->page ? count - top->page : 0;

	if (top->first > last)
		top->first = last;
}

void top_order(struct top *top)
{
	top->shown = 0;
	for (size_t i = 0; i < top->sorted; i++)
		if (is_wanted(top, &top->rows[i]))
			top->order[top->shown++] = (uint32_t)i;
	if (top->shown > 0)
		qsort_r(top->order, top->shown, sizeof(*top->order), compare, top);
	top_keep_in_list(top);
}

/* ---- keys ---- */

static void scroll(struct top *top, int key)
{
	size_t page = top->page > 1 ? top->page - 1 : 1; /* a line stays in sight */

	switch (key) {
	case CLI_KEY_UP:
		top->first -= top->first > 0;
		break;
	case CLI_KEY_DOWN:
		top->first++;
		break;
	case CLI_KEY_PAGE_UP:
		top->first -= top->first < page ? top->first : page;
		break;
	case CLI_KEY_PAGE_DOWN:
		top->first += page;
		break;
	case CLI_KEY_HOME:
		top->first = 0;
		break;
	case CLI_KEY_END:
		top->first = HV_LPARS_MAX;
		break;
	default:
		break;
	}
	top_keep_in_list(top);
}

/* Until Enter; Escape is none. */
static void type(struct top *top, int key)
{
	size_t count = strlen(top->filter);

	if (key == CLI_KEY_ENTER || key == CLI_KEY_ESCAPE)
		top->is_typing = false;
	if (key == CLI_KEY_ESCAPE)
		top->filter[0] = '\0';
	else if (key == CLI_KEY_BACKSPACE && count > 0)
		top->filter[count - 1] = '\0';
	else if (key > ' ' && key < 127 && count + 1 < sizeof(top->filter)) {
		top->filter[count] = (char)key;
		top->filter[count + 1] = '\0';
	}
	top->first = 0;
	top_order(top);
}

static bool sort(struct top *top, int key)
{
	static const char letters[TOP_FIGURE_COUNT] = {
		[TOP_NAME] = 'n', [TOP_CPU] = 'c',  [TOP_ENTC] = 'e',
		[TOP_MEM] = 'm',  [TOP_LOAN] = 'l', [TOP_HPI] = 'i',
		[TOP_HPIT] = 't', [TOP_HPO] = 'p',  [TOP_OPS] = 'o',
	};

	for (unsigned i = 0; i < TOP_FIGURE_COUNT; i++) {
		if (letters[i] != key)
			continue;
		top->sort = (enum top_figure)i;
		top->first = 0;
		top_order(top);
		return true;
	}
	return false;
}

static void set_pace(struct top *top, int key)
{
	uint64_t ms = top->live.interval_ms;

	/* faster, slower; -d may have said more than either bound */
	if (key == '+' && ms / 2 >= INTERVAL_LEAST_MS)
		top->live.interval_ms = ms / 2;
	if (key == '-' && ms <= INTERVAL_MOST_MS / 2)
		top->live.interval_ms = ms * 2;
}

static void command(struct top *top, int key)
{
	switch (key) {
	case '/':
		top->is_typing = true;
		break;
	case CLI_KEY_ESCAPE:
		top->filter[0] = '\0';
		top_order(top);
		break;
	case 'r':
		top->is_reversed = !top->is_reversed;
		top_order(top);
		break;
	case CLI_KEY_TAB:
		top->shows_hosts = !top->shows_hosts;
		top->first = 0;
		break;
	case '+':
	case '-':
		set_pace(top, key);
		break;
	case ' ':
		top->live.is_paused = !top->live.is_paused;
		break;
	default:
		break;
	}
}

bool top_key(struct cli_live *live, int key)
{
	struct top *top = (struct top *)live;

	if (key == CLI_KEY_CANCEL)
		return false;
	if (key >= CLI_KEY_UP)
		scroll(top, key);
	else if (top->is_typing)
		type(top, key);
	else if (key == 'q')
		return false;
	else if (!sort(top, key))
		command(top, key);
	return true;
}
