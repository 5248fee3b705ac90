import type { AnnotatedResponse, AnnotatedToken, Criterion } from './data.ts';
import * as format from './format.ts';
import { type Fragment, type Html, html, jsonData } from './html.ts';

/** Characters that would not show, or would disturb the text around them: controls, joiners, direction marks, separators, surrogates. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]|[^\S ]/gu;

/**
 * A token's text with everything in it visible: a line break as `↵`, a tab as `→`, spaces of a blank token as `·`, an empty text as `∅`,
 * and other invisible characters by their code point.
 */
export function visibleText(text: string): string {
  if (text === '') return '∅';
  const shown = text.replace(UNSEEN, (character) => {
    if (character === '\n') return '↵';
    if (character === '\r') return '␍';
    if (character === '\t') return '→';
    return `‹U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}›`;
  });
  return shown.trim() === '' ? shown.replaceAll(' ', '·') : shown;
}

/** {@link visibleText} for a token that stands alone: spaces at its ends show too, as `·`. */
export function standaloneText(text: string): string {
  return visibleText(text).replace(/^ +| +$/g, (spaces) => '·'.repeat(spaces.length));
}

/** A response with each token coloured by criticality; details of a token come up at pointer or focus. */
export function responseFigure(response: AnnotatedResponse, criterion: Criterion, number: number): Html {
  const { tokens, omitted } = response;
  return html`<article class="example" aria-label="Response ${number}">
<header><p class="question">${response.question}</p>
<p class="facts"><span>Answer <b>${response.answer}</b></span><span><b>${format.percent(response.ratio, 0)}</b> critical (${criterion})</span><span>${format.counted(tokens.length + omitted, 'token')}</span></p></header>
<div class="tokens" role="group" aria-label="Tokens of response ${number}: arrow keys move from token to token">${tokens.map(tokenSpan)}${
    omitted > 0 && html`<span class="omitted"> … ${format.counted(omitted, 'more token')}</span>`
  }</div>
<script type="application/json">${jsonData(tokens.map(details))}</script>
</article>`;
}

/** Which marking stands for what, and the swatches that say so. */
export function tokenLegend(criterion: Criterion): Html {
  return html`<ul class="legend">
<li><span class="t c3">token</span> strict-3: the second and the third choice both break the answer</li>
<li><span class="t c2">token</span> strict-2 only: just the second choice breaks it${criterion === 'strict-3' && html` <em>(not trained on in this run)</em>`}</li>
<li><span class="t">token</span> not critical</li>
</ul>`;
}

function tokenSpan({ text, gap, special, critical }: AnnotatedToken): Fragment {
  const classes = ['t'];
  if (critical !== 'no') classes.push(critical === 'strict-3' ? 'c3' : 'c2');
  if (special) classes.push('special');
  if (text.trim() === '') classes.push('blank');
  // The space that many tokens begin with stands before the coloured box, so that boxes hug their words.
  const lead = text.trim() === '' ? '' : (/^ +/.exec(text)?.[0] ?? '');
  return html`${gap}${lead}<span class="${classes.join(' ')}">${visibleText(text.slice(lead.length))}</span>${text.endsWith('\n') && html`<br>`}`;
}

/** What the script shows of a token, as short arrays: [text, probability, entropy, criticality, alternatives]. */
function details({ text, probability, entropy, critical, alternatives }: AnnotatedToken): unknown {
  return [
    standaloneText(text),
    format.percent(probability),
    format.nats(entropy),
    critical === 'no' ? 0 : critical === 'strict-2' ? 2 : 3,
    alternatives.map((a) => [
      a.rank,
      standaloneText(a.text),
      format.percent(a.probability),
      a.outcome,
      a.extracted === undefined ? null : visibleText(a.extracted),
      a.length ?? null,
      a.finish ?? null,
    ]),
  ];
}
