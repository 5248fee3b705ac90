import type { Program } from '../tensor/session.ts';

/**
 * Programs by key, each declared when it is first needed, the usual ones all at once: one that is declared after the first run of
 * any costs loading all of them again.
 */
export class ProgramSet {
  readonly #declare: (key: string) => Program;
  readonly #usual: readonly string[];
  readonly #declared = new Map<string, Program>();

  constructor(declare: (key: string) => Program, usual: readonly string[]) {
    this.#declare = declare;
    this.#usual = usual;
  }

  declareUsual(): void {
    for (const key of this.#usual) this.#own(key);
  }

  get(key: string): Program {
    if (!this.#declared.has(key)) this.declareUsual();
    return this.#own(key);
  }

  #own(key: string): Program {
    const program = this.#declared.get(key) ?? this.#declare(key);
    this.#declared.set(key, program);
    return program;
  }
}
