/** What the rollouts of a token's alternatives came to; undefined where there was no such alternative, or it was not tried. */
export interface Outcomes {
  readonly second: 'correct' | 'wrong' | undefined;
  readonly third: 'correct' | 'wrong' | undefined;
}

/**
 * Whether a token is critical (CFT, arXiv 2510.10974, section 3): it is when the response cannot do without it.
 * `strict-2`: the most likely other token breaks the answer. `strict-3`: the second most likely other token breaks it too.
 */
export const CRITERIA = {
  'strict-2': ({ second }: Outcomes): boolean => second === 'wrong',
  'strict-3': ({ second, third }: Outcomes): boolean => second === 'wrong' && third === 'wrong',
} as const;
