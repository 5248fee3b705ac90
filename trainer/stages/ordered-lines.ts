import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CftError } from '../../crds/errors.ts';
import { type JsonLinesWriter, openJsonLines, syncDirectory } from '../../crds/files.ts';

export interface OrderedLinesOptions<T> {
  /** Where the whole file is to be. While it grows it is `<path>.partial`. */
  readonly path: string;
  /** Ids of all records, in order: the file is whole when it has them all. */
  readonly ids: readonly string[];
  readonly idOf: (record: T) => string;
  /** Told of each record that is on disk already, in order. */
  readonly onExisting: (record: T) => void;
}

/** Keeps lines in memory until so many are there, or the last one is: one fsync for all of them. */
const LINES_PER_WRITE = 16;

/**
 * A JSONL file whose records come in any order and are written in the order of their ids. It grows under a temporary name, line
 * by line, so that after a kill it is gone on with, and has its own name only when it is whole.
 */
export class OrderedLines<T> {
  readonly #options: OrderedLinesOptions<T>;
  readonly #writer: JsonLinesWriter<T, string>;
  readonly #waiting = new Map<number, T>();
  #ready: T[] = [];
  #next: number;

  private constructor(options: OrderedLinesOptions<T>, writer: JsonLinesWriter<T, string>) {
    this.#options = options;
    this.#writer = writer;
    this.#next = writer.existing.length;
  }

  /** @throws CftError CorruptFile if the partial file holds other records than the first of `ids` */
  static async open<T>(options: OrderedLinesOptions<T>): Promise<OrderedLines<T>> {
    const partial = `${options.path}.partial`;
    const writer = await openJsonLines<T, string>(partial, (record) => {
      options.onExisting(record);
      return options.idOf(record);
    });
    const strange = writer.existing.findIndex((id, i) => id !== options.ids[i]);
    if (strange !== -1) {
      await writer.close();
      throw new CftError('CorruptFile', `line ${strange + 1} is about another example than this data set has there`, {
        where: `${partial}:${strange + 1}`,
        hint: 'remove the file to start this stage again',
      });
    }
    return new OrderedLines(options, writer);
  }

  /** @param index the record's place in `ids` */
  async add(index: number, record: T): Promise<void> {
    this.#waiting.set(index, record);
    for (let ready = this.#waiting.get(this.#next); ready !== undefined; ready = this.#waiting.get(this.#next)) {
      this.#ready.push(ready);
      this.#waiting.delete(this.#next++);
    }
    if (this.#ready.length >= LINES_PER_WRITE) await this.flush();
  }

  async flush(): Promise<void> {
    if (this.#ready.length === 0) return;
    await this.#writer.append(this.#ready);
    this.#ready = [];
  }

  /** Keeps what is there and closes; the file gets its own name if it is whole. */
  async close(): Promise<void> {
    const { path, ids } = this.#options;
    await this.flush();
    await this.#writer.close();
    if (this.#next < ids.length) return;
    await rename(`${path}.partial`, path);
    await syncDirectory(dirname(path));
  }
}
