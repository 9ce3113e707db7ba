/* config_file: reads libconfig text into nodes. The only module that uses libconfig.
 *
 * It expands @include "file" itself, relative to the including file, and keeps a map from lines to files: every message
 * names the line that a person wrote. Number, size and depth of files and the depth of groups are bounded.
 */
#ifndef SG_CONFIG_FILE_H
#define SG_CONFIG_FILE_H

#include "problem.h"
#include "schema.h"

#define CONFIG_FILE_TEXT_MAX (16 * 1024 * 1024) /* bytes of a profile with everything it includes */
#define CONFIG_FILE_INCLUDE_DEPTH 10
#define CONFIG_FILES_MAX 1000 /* files of one profile, counted each time one is included */
#define CONFIG_FILE_GROUP_DEPTH 32

/* Returns the root group of the file. NULL when a problem was added: an unreadable file, a bad include, a syntax error. */
struct node *config_file_read(struct arena *a, const char *path, struct problems *problems);
/* Reads one value of a command line (KEY=VALUE) as a profile would have it. NULL: it is not a value. */
struct node *config_file_read_value(struct arena *a, const char *name, const char *text);

/* Returns "libconfig 1.5", for `startguard version`. */
const char *config_file_library(void);

#endif
