import { CftError } from '../../crds/errors.ts';
import { BatchDecoder, decodeAll } from '../decode/batch.ts';
import { DecodeEngine } from '../decode/engine.ts';
import type { Continuation, PromptRequest, StageContext } from './context.ts';
import { openModel } from './model.ts';

/**
 * Greedy continuation of one prompt.
 *
 * @throws CftError InvalidArgument for an empty prompt or an id that the model does not have
 */
export async function continuePrompt(request: PromptRequest, context: StageContext): Promise<Continuation> {
  const model = await openModel(request.modelDir, context, { precision: request.precision });
  try {
    const { tokenizer, config } = model;
    const prompt = typeof request.prompt === 'string' ? tokenizer.encode(request.prompt) : request.prompt;
    if (prompt.length === 0)
      throw new CftError('InvalidArgument', 'the prompt has no tokens', { hint: 'pass some text, or --input-ids' });
    const strange = prompt.find((id) => !Number.isInteger(id) || id < 0 || id >= config.vocabSize);
    if (strange !== undefined)
      throw new CftError(
        'InvalidArgument',
        `token id ${strange} is not in the model's vocabulary of ${config.vocabSize}`,
        { value: strange, where: '--input-ids' },
      );
    const eosTokenIds = new Set(tokenizer.eosTokenIds);
    const engine = new DecodeEngine(model.session, model, {
      slots: 1,
      maxLength: prompt.length + request.maxNewTokens,
      topK: request.logprobs,
      eosTokenIds,
    });
    const decoder = new BatchDecoder<undefined>(engine, { eosTokenIds });
    for (const [finished] of decodeAll(decoder, [{ tag: undefined, prompt, maxNewTokens: request.maxNewTokens }])) {
      await context.cancellationPoint();
      if (finished === undefined) continue;
      const text = tokenizer.decode(finished.ids, { skipSpecialTokens: true });
      return { ids: [...finished.ids], text, logprobs: finished.top.map((entries) => [...entries]) };
    }
    throw new CftError('Internal', 'the decoder ended without a sequence');
  } finally {
    model.close();
  }
}
