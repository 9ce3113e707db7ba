/* python_probe: the program that the python kind runs in the service's interpreter, as text for `python -c`.
 *
 * Arguments: a descriptor, then what to look at, each with a tag and an equals sign before it: d0=NAME and f0=NAME for
 * distributions that are demanded and forbidden, m0=NAME for modules, which are imported in the order given. Findings go to
 * the descriptor, a line each, words between tabs:
 *
 *   python VERSION EXECUTABLE          first; "too old" behind it is all that Python 2 to 3.7 say
 *   distribution TAG VERSION           of those demanded the first that is installed, of those forbidden all; VERSION may be empty
 *   no distribution TAG                none of this name
 *   unclear TAG WHY                    it could not be looked up
 *   importing NAME                     before each import, then one of these
 *   imported NAME, missing NAME WHY, broken NAME WHY
 *   asking                             before confluent_kafka is asked, by name imported or not, then one of these
 *   librdkafka TEXT NUMBER, no librdkafka WHY
 *   end                                last
 *
 * A line is written at once: modules may print, crash or end the interpreter, and what was said before that stays. It leaves by
 * _exit: threads that a module started are not waited for. WHY and VERSION are the image's own words, to be cleaned.
 *
 * The service's folder comes first in the path of modules, so nothing is imported but what the interpreter has loaded already:
 * a module of the service's may have any name. Distributions are looked up in a process of their own, with the interpreter's
 * own modules alone, for the same reason.
 */
#ifndef SG_PYTHON_PROBE_H
#define SG_PYTHON_PROBE_H

#define PROBE_DESCRIPTOR_GONE \
	97 /* status: a module closed the descriptor, or put another in its place */

extern const char python_probe[];

#endif
