import type { Growing, Wanted } from './growing.ts';

/** What a step feeds to a slot. */
export interface Fed<W extends Wanted<unknown>> {
  readonly growing: Growing<W>;
  readonly slot: number;
  /** Its last token and its draft. */
  readonly ids: readonly number[];
  /** Tokens to choose without a draft. */
  readonly most: number;
}

/**
 * What a step feeds, `run` entries a slot, its tokens first: what comes after them, and the entries of slots without a sequence, are at place -1.
 */
export interface StepStates {
  readonly ids: Int32Array;
  /** Of each token, its place in the whole sequence. */
  readonly positions: Int32Array;
  /** Of each token, how many to choose at most: up to the engine's `steps`. */
  readonly most: Int32Array;
}

/** What a step feeds where the slots are fed this, and the others nothing. */
export function statesOf(fed: readonly Fed<Wanted<unknown>>[], slots: number, run = 1): StepStates {
  const empty = () => new Int32Array(slots * run);
  const states = { ids: empty(), positions: empty().fill(-1), most: empty() };
  for (const { growing, slot, ids, most } of fed)
    for (const [i, id] of ids.entries()) {
      const at = slot * run + i;
      states.ids[at] = id;
      states.positions[at] = growing.position + i;
      states.most[at] = most;
    }
  return states;
}

/** The same for what computes all entries: each gets a token, the slot's last one again, at its place, or any one at the first. */
export function filled<S extends Pick<StepStates, 'positions'>>(states: S, run = 1): S {
  const fill = (list: Int32Array) => {
    const whole = list.slice();
    for (const [at, position] of states.positions.entries())
      if (position < 0) whole[at] = at % run === 0 ? 0 : (whole[at - 1] as number);
    return whole;
  };
  return Object.fromEntries(Object.entries(states).map(([name, list]) => [name, fill(list)])) as unknown as S;
}
