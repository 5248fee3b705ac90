import { Environment, Interpreter, Template } from '@huggingface/jinja';
import { CftError } from '../../crds/errors.ts';
import { TimeIsOver, timeLimit } from '../time-limit.ts';
import { strftime } from './strftime.ts';
import type { ChatMessage } from './tokenizer.ts';

const HINT = 'compare chat_template with that of the model’s publisher';
/** Time for one rendering; real templates take milliseconds. */
const RENDERING_MS = 5000;
const MAX_RANGE = 100_000;

/** Renders messages; `variables` are the token texts that templates refer to, such as `bos_token`. */
export type ChatRenderer = (messages: readonly ChatMessage[], addGenerationPrompt: boolean) => string;

/**
 * A chat template in Jinja, with the variables that transformers gives it; there are never tools or documents. A template that asks whether
 * `strftime_now` is there is told that it is not, and falls back on a date of its own: prompts must not change from day to day. One that
 * takes it for granted gets the date.
 *
 * @param now for that date
 * @throws CftError InvalidConfig for a template that does not parse; the renderer throws CftError InvalidRecord when the template refuses
 *   the messages (`raise_exception`), InvalidConfig when it fails otherwise
 */
export function createChatRenderer(
  source: string,
  variables: Readonly<Record<string, string | undefined>>,
  where: string,
  now: () => Date = () => new Date(),
): ChatRenderer {
  let template: Template;
  try {
    template = new Template(source);
  } catch (cause) {
    throw new CftError('InvalidConfig', `the chat template does not parse: ${(cause as Error).message}`, {
      where,
      hint: HINT,
      cause,
    });
  }
  const needsDate = !/\bstrftime_now\s+is\s+(not\s+)?defined\b/.test(source);
  const withinTime = timeLimit(RENDERING_MS);
  return (messages, addGenerationPrompt) => {
    let refusal: string | undefined;
    // Not Template.render, which always defines strftime_now.
    const environment = new Environment();
    const globals = {
      ...CONSTANTS,
      ...variables,
      messages,
      add_generation_prompt: addGenerationPrompt,
      tools: null,
      documents: null,
      range,
      ...(needsDate && { strftime_now: (format: string) => strftime(now(), format) }),
      raise_exception: (message: string) => {
        refusal = message;
        throw new Error(message);
      },
    };
    try {
      for (const [name, value] of Object.entries(globals)) environment.set(name, value);
      return withinTime(() => String(new Interpreter(environment).run(template.parsed).value));
    } catch (cause) {
      if (refusal !== undefined) {
        throw new CftError('InvalidRecord', `the chat template refuses the messages: ${refusal}`, { where, cause });
      }
      const reason = cause instanceof TimeIsOver ? 'its loops have no end in sight' : (cause as Error).message;
      throw new CftError('InvalidConfig', `the chat template fails: ${reason}`, { where, hint: HINT, cause });
    }
  };
}

const CONSTANTS = { true: true, false: false, none: null, True: true, False: false, None: null };

/** Jinja's `range`: one argument is the end. As in transformers, which renders in Jinja's sandbox, it gives no more numbers than that allows. */
function range(start: number, end?: number, step = 1): number[] {
  const [from, to] = end === undefined ? [0, start] : [start, end];
  const length = Math.max(0, Math.ceil((to - from) / step));
  if (!(length <= MAX_RANGE)) throw new Error(`range(${from}, ${to}, ${step}) has more than ${MAX_RANGE} numbers`);
  return Array.from({ length }, (_, i) => from + i * step);
}
