import { CftError } from '../../crds/errors.ts';
import { TimeIsOver, timeLimit } from '../time-limit.ts';
import type { Component } from './components.ts';

/** How Llama 3, OLMo 2 and Qwen split a text. At each place, one look at the run of characters there decides. */
const familyPattern = (digits: string) =>
  `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;
const FAMILY_PATTERNS: readonly string[] = [familyPattern('\\p{N}{1,3}'), familyPattern('\\p{N}')];

/** An alternative that nothing follows its only repetition in: it matches as soon as the repetition has begun. */
const ENDS_IN_REPETITION = /^[^*+?{()]*([*+?]|\{\d+,?\d*\})?$/;

/** Of the components of tokenizer.json those with a regular expression whose search may never end, as far as its looks tell. */
export function unboundedPatterns(components: readonly Component[]): Component[] {
  return components.filter(({ config }) => {
    const regex = (config.pattern as { readonly Regex?: unknown } | null | undefined)?.Regex;
    if (typeof regex !== 'string' || FAMILY_PATTERNS.includes(regex)) return false;
    return !regex.split('|').every((alternative) => ENDS_IN_REPETITION.test(alternative));
  });
}

/**
 * A function that does the components' work and stops it when the time is over. Where no pattern needs that, work is simply done: to watch it
 * takes longer than to tokenize a question.
 *
 * @throws CftError InvalidConfig, with the place of each pattern that may be at fault
 */
export function patternTimeLimit(components: readonly Component[], milliseconds: number): <T>(work: () => T) => T {
  const unbounded = unboundedPatterns(components);
  if (unbounded.length === 0) return (work) => work();
  const withinTime = timeLimit(milliseconds);
  return (work) => {
    try {
      return withinTime(work);
    } catch (cause) {
      if (!(cause instanceof TimeIsOver)) throw cause;
      const places = unbounded.map(({ path }) => path).join(', ');
      throw new CftError('InvalidConfig', `${places}: the pattern searches a text for over ${milliseconds / 1000} s`, {
        value: unbounded.map(({ config }) => config.pattern),
        hint: 'repetitions inside repetitions, such as (a+)+, have no end in sight: compare it with the file of the tokenizer’s publisher',
        cause,
      });
    }
  };
}
