/* TODO: do it */
/* TODO(#12): somebody keeps an eye on it */
/* FIXME later; mkstemp wants XXXXXX */
