import { z } from 'zod';
import { CftError } from '../../crds/errors.ts';
import { checked } from '../checked.ts';
import { checkComponent } from './check-component.ts';
import type { ComponentConfig } from './library.ts';
import { TOKENIZER_HINT } from './tokenizer-files.ts';

/** A component that is no sequence, with its place in tokenizer.json. */
export interface Component {
  readonly config: ComponentConfig;
  readonly path: string;
}

/** The sections of tokenizer.json that are made of components, and where a sequence of each keeps them. */
const PARTS = { normalizer: 'normalizers', pre_tokenizer: 'pretokenizers', decoder: 'decoders' } as const;
type Section = keyof typeof PARTS;

const Parts = z.array(z.looseObject({ type: z.string() }));

/**
 * A section's components in their order; those of a sequence, and of sequences in it, one after the other.
 *
 * @throws CftError InvalidConfig for a sequence of something else, and for settings of another kind
 */
export function componentsOf(config: ComponentConfig | null, section: Section, path: string = section): Component[] {
  if (config === null) return [];
  if (config.type !== 'Sequence') {
    checkComponent(config, section, path);
    return [{ config, path }];
  }
  const place = `${path}.${PARTS[section]}`;
  const parts = checked(Parts, config[PARTS[section]], { code: 'InvalidConfig', path: place, hint: TOKENIZER_HINT });
  return parts.flatMap((part, i) => componentsOf(part, section, `${place}.${i}`));
}

/** What a component does to a text, or to the pieces of one. */
export interface Step<T> {
  readonly path: string;
  readonly run: (value: T) => T;
}

/** Unicode's compatibility forms make up to 18 characters of one, and byte letters three of each. */
const MAX_GROWTH = 64;
/** So long may any text become. */
const SHORT = 10_000;

/**
 * Does the steps one after the other.
 *
 * @throws CftError InvalidConfig when the text grows beyond all measure: sixty steps that each double it would never end
 */
export function runSteps<T extends string | readonly string[]>(steps: readonly Step<T>[], input: T): T {
  const longest = Math.max(MAX_GROWTH * lengthOf(input), SHORT);
  let value = input;
  for (const { run, path } of steps) {
    value = withinMemory(run, value, path);
    if (lengthOf(value) > longest) throw grown(path, lengthOf(input), `${lengthOf(value)}`);
  }
  return value;
}

function withinMemory<T extends string | readonly string[]>(run: (value: T) => T, value: T, path: string): T {
  try {
    return run(value);
  } catch (cause) {
    if (cause instanceof RangeError && cause.message === 'Invalid string length')
      throw grown(path, lengthOf(value), 'more than a text can have', cause);
    throw cause;
  }
}

function lengthOf(value: string | readonly string[]): number {
  return typeof value === 'string' ? value.length : value.reduce((length, piece) => length + piece.length, 0);
}

function grown(path: string, from: number, to: string, cause?: unknown): CftError {
  return new CftError('InvalidConfig', `${path}: a text of ${from} characters becomes one of ${to}`, {
    hint: TOKENIZER_HINT,
    ...(cause === undefined ? {} : { cause }),
  });
}
