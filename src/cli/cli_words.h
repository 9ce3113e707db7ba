/* cli_words: what other tools call options and commands, and what is written for those here. Tables only. */
#ifndef SG_CLI_WORDS_H
#define SG_CLI_WORDS_H

/* Returns the option that does the same here, or NULL. Names stand without their dashes. */
const char *cli_option_meant(const char *name);
/* Returns what is written for an option that has no counterpart, or NULL. */
const char *cli_option_remedy(const char *name);
/* Returns what is written for a command of another tool, or NULL. */
const char *cli_command_remedy(const char *word);

#endif
