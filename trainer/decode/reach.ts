/** Up to so many sizes all programs are declared before the first run; with more, those that are needed when they are. */
const AT_ONCE = 4;

/** Part of the active sequences that may wait for others of their length, and after how many steps none may. */
const WAITING = 1 / 8;
const SERVED_EVERY = 16;

/** The part of the active sequences, the longest, that a step may leave waiting. Now and then it is none, so that each gets on. */
export function mayWait(step: number): number {
  return step % SERVED_EVERY === SERVED_EVERY - 1 ? 0 : WAITING;
}

/** Sizes to which what programs look at is rounded up, so that there are few programs and little is looked at in vain. */
export class Reaches {
  /** In blocks, rising. */
  readonly blocks: readonly number[];
  readonly block: number;

  /**
   * @param length tokens of the longest sequence
   * @param block  tokens of a block
   * @param only   there is one size, for all: programs look at no more than they have to
   */
  constructor(length: number, block: number, only = false) {
    const blocks = Math.ceil(length / block);
    this.blocks = only ? [blocks] : sizes(blocks);
    this.block = block;
  }

  /** Of all blocks. */
  get most(): number {
    return this.blocks.at(-1) as number;
  }

  /** Those worth a program each before any is needed. */
  get usual(): readonly number[] {
    return this.blocks.length <= AT_ONCE ? this.blocks : [];
  }

  /** Blocks of the cheapest program that serves sequences of this length, or of all. */
  of(length: number): number {
    return this.blocks.find((count) => count * this.block >= length) ?? this.most;
  }

  /** Blocks that serve all of these lengths but the few longest, for which all others would cost more. */
  ofMost(lengths: readonly number[], waiting: number): number {
    if (this.blocks.length === 1) return this.most;
    const rising = lengths.toSorted((a, b) => a - b);
    return this.of(rising[Math.ceil((1 - waiting) * rising.length) - 1] ?? 0);
  }
}

/** 1, 2, 3, 4, 6, 8, 12, 16, ... up to all blocks: two between a power of two and the next, so that at most half as much again is looked at. */
function sizes(blocks: number): number[] {
  const counts = [];
  for (let power = 1; power < blocks; power *= 2) counts.push(power, 1.5 * power);
  return [...counts.filter((count) => Number.isInteger(count) && count < blocks), blocks];
}
