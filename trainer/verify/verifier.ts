/** What a verifier looks at: a response, and the reference answer of its question (which may be a worked solution). */
export interface VerifyItem {
  readonly response: string;
  readonly answer: string;
}

export interface Verdict {
  readonly correct: boolean;
  /** How right the response is, in [0, 1]. It is correct from the verifier's threshold on; most verifiers know 0 and 1 only. */
  readonly score: number;
  /** The final answer found in the response, in the verifier's normal form; undefined when there is none. */
  readonly extracted: string | undefined;
  /** The reference's final answer in the same form. */
  readonly expected: string;
}

/**
 * F(response, answer) of the method. A wrong "correct" is worse than a wrong "incorrect": it unmarks a critical token without a trace,
 * so that a verifier in doubt says incorrect.
 */
export interface Verifier {
  readonly type: string;
  /**
   * One verdict for each item, in order. The same items get the same verdicts at any time, in any batch.
   *
   * @throws CftError InvalidRecord for a reference answer that the verifier can't read: that is wrong data, not a wrong response
   */
  verify(items: readonly VerifyItem[]): Promise<Verdict[]>;
  /**
   * Whether the verdict of a response that begins with `prefix` is decided, whatever follows: then a rollout may stop. Pure and cheap. Missing
   * where nothing ever is: where the last statement of an answer counts, another may always follow.
   */
  isFinal?(prefix: string, answer: string): boolean;
}
