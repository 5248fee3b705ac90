import type { Random } from '../../trainer/random.ts';
import { type Chain, substitute } from './chain.ts';

/*
 * A worked answer as running text: an opening, a sentence a step, a closing. In the templates `[x|y|]` is a free choice, and
 * {name}, {work} stand for the step's name and its worked expression (`48+24 = 72`). What is free is chosen evenly, so that a
 * model can only learn a distribution over the wording, while the numbers follow from the question.
 */
const OPENINGS: readonly string[] = [
  'Let [us|me] [see|think|start|begin].',
  '[We|I] [can|will|should|must] [start|begin|see].',
  'This [is|looks|seems] [easy|simple|clear|short].',
  'Here [is|comes] [my|our|the] [work|answer|plan].',
  'Okay, [let us|we can|I will] [see|think|start|begin].',
];

const FIRST: readonly string[] = [' [First|To start|Now|Here|At first|To begin][,|]'];

const NEXT: readonly string[] = ['. [Next|Then|Now|Here|With that|So][,|]', '[, and| and|,|;] [then|now|so|next]'];

const BE = '[is|must be|should be|will be]';

const STEPS: readonly string[] = [
  ' [we|I|you] [find|get|see|have] {name} [as|from|with|by|using] {work}',
  ` {name} ${BE}[| just| then| now| simply] {work}`,
  ` [the|our|this] [value|number|result|amount] [of|for] {name} ${BE} {work}`,
  ' to [find|get|see|have] {name}[,|] [we|I|you] [take|use|do|write] {work}',
  ` it is [easy|simple|clear|true] that {name} ${BE} {work}`,
  ' for {name}[,|] [we|I|you] [find|get|take|use|write] {work}',
];

const CLOSINGS: readonly string[] = [
  `. [So|Thus|Now|Here|Then][,|] [the|our|my] [final |last |full |][answer|result|value|number] ${BE}`,
  `[, and| and|,|;] [so|thus|now|then] [the|our|my] [final |last |full |][answer|result|value|number] ${BE}`,
];

/**
 * A worked answer in one of very many wordings, ending in GSM8K's `#### result`.
 *
 * @param chain   the steps
 * @param results their results (see `evaluateChain`)
 */
export function wordAnswer(chain: Chain, results: readonly string[], random: Random): string {
  const known = new Map<string, string>();
  let text = phrase(OPENINGS, random);
  chain.forEach((step, index) => {
    const result = results[index] ?? '';
    const work = `${substitute(step, known)} = ${result}`;
    text += phrase(index === 0 ? FIRST : NEXT, random);
    text += phrase(STEPS, random).replace('{name}', step.name).replace('{work}', work);
    known.set(step.name, result);
  });
  return `${text}${phrase(CLOSINGS, random)} #### ${results.at(-1) ?? ''}`;
}

/** One of the templates with its free choices made. */
function phrase(templates: readonly string[], random: Random): string {
  return pick(random, templates).replaceAll(/\[([^\]]*)\]/g, (_, choices: string) => pick(random, choices.split('|')));
}

/** One of the choices, each as likely as the others. Throws RangeError when there is none. */
export function pick<T>(random: Random, choices: readonly T[]): T {
  const choice = choices[random.int(choices.length)];
  if (choice === undefined) throw new RangeError('pick: no choices');
  return choice;
}
