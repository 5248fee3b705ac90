import { type Html, html } from './html.ts';

const TERMS: readonly (readonly [string, string])[] = [
  [
    'Critical Token Fine-tuning (CFT)',
    'Training on correct responses of the model itself, with a loss only on the tokens that decide the answer (arXiv 2510.10974).',
  ],
  ['SFT', 'Plain supervised fine-tuning: the same responses, with a loss on every token.'],
  [
    'Critical token',
    'A token of a correct response whose replacement by the model’s next choice leads to a wrong answer.',
  ],
  ['strict-2', 'Critical when the second most likely token in its place breaks the answer.'],
  [
    'strict-3',
    'Critical when the second and the third most likely token each break the answer: fewer and surer tokens.',
  ],
  ['Rollout', 'The rest of a response, generated anew after one token was replaced.'],
  ['Greedy', 'Always taking the most likely token, so that the same question gives the same answer.'],
  ['Accuracy', 'Share of questions whose greedy answer the verifier accepts.'],
  ['95 % interval', 'Where the true accuracy plausibly lies, given how many questions were asked (Wilson’s interval).'],
  [
    'Within noise',
    'A difference that chance explains well enough: with p above 0.05, do not prefer one variant for it.',
  ],
  [
    'p (McNemar)',
    'How often chance alone would split the questions on which two variants differ this unevenly; not adjusted for making several comparisons.',
  ],
  ['pass@k', 'Chance that at least one of k sampled answers is right, estimated without bias from all samples.'],
  [
    'Token entropy',
    'How undecided the model is about its next token, in nats: 0 is certain, higher keeps more options open.',
  ],
  ['Best learning rate', 'Among those tried, the one with the best validation accuracy.'],
];

/** One line for each term that the page uses. */
export function glossarySection(): Html {
  return html`<section id="terms" aria-labelledby="terms-title">
<h2 id="terms-title">Terms</h2>
<dl class="terms">${TERMS.map(([term, text]) => html`<div><dt>${term}</dt><dd>${text}</dd></div>`)}</dl>
</section>`;
}
