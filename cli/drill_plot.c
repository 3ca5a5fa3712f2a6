/* drill_plot - see drill_plot.h. */
#include "cli/drill_plot.h"

#include "cli/drill_html.h"

#define WIDTH 720
#define HEIGHT 200
#define LEFT 64
#define RIGHT 16
#define TOP 16
#define BOTTOM 28
#define TICKS 4

struct frame {
	double seconds, top; /* at the right and upper end */
};

static double x_of(const struct frame *frame, double seconds)
{
	double part = seconds / frame->seconds;

	part = part < 0 ? 0 : part > 1 ? 1 : part;
	return LEFT + part * (WIDTH - LEFT - RIGHT);
}

static double y_of(const struct frame *frame, double value)
{
	double part = value / frame->top;

	part = part > 1 ? 1 : part;
	return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM);
}

/* 1, 2 or 5 times a power of ten, not less than the value. */
static double round_up(double value)
{
	double step = 1;

	if (value <= 0)
		return 1;
	while (step * 10 < value)
		step *= 10;
	while (step > value)
		step /= 10;
	return value <= step       ? step
	       : value <= 2 * step ? 2 * step
	       : value <= 5 * step ? 5 * step
				   : 10 * step;
}

static struct frame frame_of(const Tarn__DrillRecord *drill, const struct cli_plot *plot)
{
	struct frame frame = { .seconds = 1 };
	double most = plot->bound;

	for (size_t i = 0; i < drill->n_points; i++) {
		double value = plot->value(drill->points[i]);
		double at = (double)drill->points[i]->at_ms / 1e3;

		most = value > most ? value : most;
		frame.seconds = at > frame.seconds ? at : frame.seconds;
	}
	frame.top = round_up(most);
	return frame;
}

static void draw_axes(FILE *out, const struct frame *frame)
{
	for (int i = 0; i <= TICKS; i++) {
		double value = frame->top * i / TICKS, y = y_of(frame, value);

		(void)fprintf(out,
			      "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" "
			      "y2=\"%.1f\"/><text class=\"tick\" x=\"%d\" y=\"%.1f\" "
			      "text-anchor=\"end\">%g</text>\n",
			      LEFT, WIDTH - RIGHT, y, y, LEFT - 6, y + 4, value);
	}
	for (double at = 0; at <= frame->seconds;
	     at += round_up(frame->seconds / TICKS)) {
		(void)fprintf(out,
			      "<text class=\"tick\" x=\"%.1f\" y=\"%d\" "
			      "text-anchor=\"middle\">%g s</text>\n",
			      x_of(frame, at), HEIGHT - 8, at);
	}
}

static void draw_line(FILE *out, const Tarn__DrillRecord *drill,
		      const struct frame *frame, const struct cli_plot *plot,
		      bool is_area)
{
	double x = LEFT;

	(void)fprintf(out, "<path class=\"%s\" d=\"", is_area ? "area" : "line");
	for (size_t i = 0; i < drill->n_points; i++) {
		x = x_of(frame, (double)drill->points[i]->at_ms / 1e3);
		if (i == 0 && is_area)
			(void)fprintf(out, "M%.1f %.1f", x, y_of(frame, 0));
		(void)fprintf(out, "%c%.1f %.1f", i == 0 && !is_area ? 'M' : 'L', x,
			      y_of(frame, plot->value(drill->points[i])));
	}
	if (is_area)
		(void)fprintf(out, "L%.1f %.1fZ", x, y_of(frame, 0));
	(void)fputs("\"/>\n", out);
}

/* From the injection to when the pair was whole again. */
static void draw_moments(FILE *out, const Tarn__DrillRecord *drill,
			 const struct frame *frame)
{
	uint64_t from_ms = drill->injected_ms > drill->started_ms
				   ? drill->injected_ms - drill->started_ms
				   : 0;

	for (size_t i = 0; i < drill->n_timeline; i++) {
		const Tarn__DrillMoment *moment = drill->timeline[i];
		double x = x_of(frame,
				(double)from_ms / 1e3 + (double)moment->at_us / 1e6);

		(void)fprintf(out,
			      "<line class=\"moment\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" "
			      "y2=\"%d\"><title>",
			      x, x, TOP, HEIGHT - BOTTOM);
		cli_html_text(out, moment->what);
		(void)fputs("</title></line>\n", out);
	}
}

void cli_drill_plot(FILE *out, const Tarn__DrillRecord *drill,
		    const struct cli_plot *plot)
{
	struct frame frame = frame_of(drill, plot);

	(void)fprintf(out,
		      "<figure><figcaption>%s <span class=\"unit\">%s</span>"
		      "</figcaption>\n",
		      plot->title, plot->unit);
	(void)fprintf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n",
		      WIDTH, HEIGHT, plot->title);
	draw_axes(out, &frame);
	draw_line(out, drill, &frame, plot, true);
	draw_line(out, drill, &frame, plot, false);
	draw_moments(out, drill, &frame);
	if (plot->bound > 0)
		(void)fprintf(out,
			      "<line class=\"bound\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" "
			      "y2=\"%.1f\"/><text class=\"tick\" x=\"%d\" y=\"%.1f\" "
			      "text-anchor=\"end\">bound</text>\n",
			      LEFT, WIDTH - RIGHT, y_of(&frame, plot->bound),
			      y_of(&frame, plot->bound), WIDTH - RIGHT - 4,
			      y_of(&frame, plot->bound) + 14);
	(void)fputs("</svg></figure>\n", out);
}
