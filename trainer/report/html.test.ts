import fc from 'fast-check';
import { expect, test } from 'vitest';
import { escapeHtml, html, jsonData, trusted } from './html.ts';

const nasty = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('</script><b>', '<!--', '" onmouseover="x()', "' style='", '&lt;', '<svg/onload=x()>'),
);

test('text in a template never becomes markup', () => {
  fc.assert(
    fc.property(nasty, (text) => {
      const { markup } = html`<p title="${text}">${text}</p>`;
      expect(markup.startsWith('<p title="')).toBe(true);
      expect(markup.slice(1, -4)).not.toMatch(/<|'/);
      expect(markup.match(/"/g)).toHaveLength(2);
      expect(decode(markup)).toBe(`<p title="${text}">${text}</p>`);
    }),
  );
});

test('data inside a script element cannot close it and reads back the same', () => {
  fc.assert(
    fc.property(fc.array(nasty), (texts) => {
      const { markup } = jsonData({ texts });
      expect(markup).not.toContain('<');
      expect(JSON.parse(markup)).toEqual({ texts });
    }),
  );
});

test('fragments nest, lists join, and nothing is left of what is absent', () => {
  const item = (text: string) => html`<li>${text}</li>`;
  expect(html`<ul>${['a', '<'].map(item)}${undefined}${false}${3}${trusted('<hr>')}</ul>`.markup).toBe(
    '<ul><li>a</li><li>&lt;</li>3<hr></ul>',
  );
  expect(escapeHtml(`&<>"'`)).toBe('&amp;&lt;&gt;&quot;&#39;');
});

function decode(markup: string): string {
  const characters: Record<string, string> = { lt: '<', gt: '>', quot: '"', '#39': "'", amp: '&' };
  return markup.replace(/&(lt|gt|quot|#39|amp);/g, (_, name: string) => characters[name] ?? '');
}
