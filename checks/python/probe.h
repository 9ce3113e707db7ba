/* probe: the program that the python kind runs in the service's interpreter, probe.py as the argument of `python -c`.
 *
 * Arguments: a descriptor to write to, then what to look at, each with a tag and an equals sign before it:
 *
 *   d0=REQUIREMENT, f0=REQUIREMENT     distributions that must and must not be installed
 *   m0=NAME                            modules, which are imported in the order given
 *   c0=MODULE:EXPRESSION               evaluated after them in the module's namespace
 *   s=yes, l0=NAME                     imports that fail and are swallowed are looked for, without those of the modules NAME
 *   k=CLIENT, t=TOPIC, w=SECONDS       one record is produced, and its confirmation is waited for; p=NAME=VALUE: properties
 *
 * The probe writes what it finds to the descriptor, a line each, fields between tabs:
 *
 *   python VERSION EXECUTABLE          first; "too old" behind it is all that Python 2 to 3.7 write
 *   distribution TAG VERSION ANSWER    the first that is installed of a required one, every version of a forbidden one; VERSION
 *                                      may be empty. ANSWER: does the version satisfy the requirement? "met", "not met", or
 *                                      "unclear" where it is not a version by PEP 440
 *   no distribution TAG OTHER          no distribution of this name is installed; OTHER has a module of this name, or is empty
 *   unclear TAG REASON                 the look-up failed
 *   importing NAME                     before each import, then one of these
 *   imported NAME, missing NAME REASON, broken NAME REASON
 *   calling TAG                        before an expression is evaluated, then one of these
 *   called TAG, call failed TAG REASON LOGGED, call invalid (the same, where the expression itself is wrong); LOGGED is the last error or warning that was logged meanwhile, or empty
 *   producing                          before the client is made, then one of these
 *   delivered PLACE                    "partition 0, offset 7"
 *   undelivered NAME REASON LOGGED     NAME is Kafka's name of the error, "TOPIC_AUTHORIZATION_FAILED", or empty
 *   unconfirmed NAME REASON LOGGED     the same, and the client may deliver one later with nothing changed but the brokers
 *   swallowed FILE:LINE NAME REASON    an import that fails in a file below the current folder, whose code goes on
 *   kafka clients TEXT                 these files import two or more: "confluent_kafka (a.py:3), kafka (b.py:9)"
 *   unread REASON                      the source of these files could not be searched
 *   asking                             before confluent_kafka is asked, whoever imported it, then one of these
 *   librdkafka TEXT NUMBER, no librdkafka REASON
 *   end                                last
 *
 * Each line is written at once: a module may print, crash or end the interpreter, and what was written before that stays. The
 * probe leaves by _exit, so it does not wait for threads that a module started. REASON and VERSION are text of the image, to be
 * cleaned before they are shown.
 */
#ifndef SG_PROBE_H
#define SG_PROBE_H

/* Exit status: a module closed the descriptor, or put another in its place. */
#define PROBE_CHANNEL_LOST 97

extern const char python_probe[];

#endif
