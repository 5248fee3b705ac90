/** [text, probability, entropy, criticality 0, 2 or 3, alternatives] as `tokens.ts` writes them. */
type TokenDetails = [string, string, string, number, AlternativeDetails[]];
type AlternativeDetails = [number, string, string, string, string | null, number | null, string | null];
/** As `plot.ts` writes them. */
interface PlotDetails {
  names: [string, string][];
  stops: [number, string, string[]][];
}

/**
 * What the page does in the browser: one box that tells the details of a token or of a place in a chart, by pointer, touch or keyboard.
 * It is put into the page as its own source text, so it must not use anything from outside its body. All text goes in as text nodes.
 */
function enhance(): void {
  const tip = document.getElementById('tip');
  if (tip === null) return;

  const element = (name: string, className: string, ...children: (Node | string)[]): HTMLElement => {
    const node = document.createElement(name);
    if (className !== '') node.className = className;
    node.append(...children);
    return node;
  };
  const read = <T>(host: Element | null): T | undefined => {
    const text = host?.querySelector(':scope > script')?.textContent;
    return text ? (JSON.parse(text) as T) : undefined;
  };

  const narrow = matchMedia('(max-width: 52rem)');
  let again: (() => void) | undefined;
  const show = (content: Node[], box: DOMRect, beside = false): void => {
    tip.replaceChildren(...content);
    tip.hidden = false;
    tip.classList.toggle('sheet', narrow.matches);
    const { width, height } = tip.getBoundingClientRect();
    const right = box.right + 12 + width <= innerWidth ? box.right + 12 : box.left - 12 - width;
    const left = beside ? right : Math.min(box.left + box.width / 2 - width / 2, innerWidth - width - 12);
    const above = box.top - height - 8;
    const top = beside ? box.top : above >= 8 ? above : box.bottom + 8;
    tip.style.left = `${Math.max(12, left)}px`;
    tip.style.top = `${Math.max(8, Math.min(top, innerHeight - height - 8))}px`;
  };

  let open: HTMLElement | undefined;
  const hide = (): void => {
    tip.hidden = true;
    again = undefined;
    open?.classList.remove('open', 'on');
    open?.removeAttribute('aria-describedby');
    open = undefined;
  };
  const take = (owner: HTMLElement, className: string): void => {
    if (open !== owner) hide();
    open = owner;
    owner.classList.add(className);
  };

  const outcome = ([, , , result, answer, length, finish]: AlternativeDetails): HTMLElement => {
    if (result === 'skipped') return element('td', 'skipped', 'not tried');
    const tokens = length === null ? '' : ` in ${length} ${length === 1 ? 'token' : 'tokens'}`;
    const ends: Readonly<Record<string, string>> = { length: ', cut at the limit', decided: ', then decided' };
    const text = answer === null ? 'no answer' : answer;
    return element(
      'td',
      result,
      `${result === 'correct' ? '✓' : '✗'} ${text}`,
      element('span', 'skipped', tokens + (ends[finish ?? ''] ?? '')),
    );
  };
  const tokenBox = ([text, probability, entropy, critical, alternatives]: TokenDetails): Node[] => {
    const kind = critical === 3 ? 'critical (strict-3)' : critical === 2 ? 'critical (strict-2 only)' : 'not critical';
    const nodes: Node[] = [
      element('p', 'title', element('code', '', text)),
      element('p', '', `${kind}, probability ${probability}, entropy ${entropy} nats`),
    ];
    if (alternatives.length === 0) return nodes;
    const rows = alternatives.map((alternative) =>
      element(
        'tr',
        '',
        element('td', 'n', `${alternative[0]}.`),
        element('td', '', element('code', '', alternative[1])),
        element('td', 'n', alternative[2]),
        outcome(alternative),
      ),
    );
    const head = ['', 'instead', '', 'leads to'].map((title) => element('td', 'skipped', title));
    return [...nodes, element('table', '', element('tbody', '', element('tr', '', ...head), ...rows))];
  };

  for (const group of document.querySelectorAll<HTMLElement>('.tokens')) {
    const details = read<TokenDetails[]>(group.parentElement);
    const tokens = [...group.querySelectorAll<HTMLElement>('.t')];
    if (details === undefined) continue;
    const reveal = (index: number): void => {
      const token = tokens[index];
      const detail = details[index];
      if (token === undefined || detail === undefined) return;
      take(token, 'open');
      show(tokenBox(detail), token.getClientRects()[0] ?? token.getBoundingClientRect());
      token.setAttribute('aria-describedby', 'tip');
      again = () => reveal(index);
    };
    const focusAt = (index: number): void => {
      const next = tokens[Math.min(tokens.length - 1, Math.max(0, index))];
      if (next === undefined) return;
      for (const token of tokens) token.tabIndex = token === next ? 0 : -1;
      next.focus();
    };
    tokens.forEach((token, index) => {
      token.tabIndex = index === 0 ? 0 : -1;
      token.setAttribute('role', 'button');
      token.addEventListener('pointerenter', () => reveal(index));
      token.addEventListener('pointerleave', (event) => event.pointerType === 'mouse' && hide());
      token.addEventListener('focus', () => reveal(index));
      token.addEventListener('blur', () => open === token && hide());
      token.addEventListener('click', () => focusAt(index));
    });
    group.addEventListener('keydown', (event) => {
      const at = tokens.indexOf(document.activeElement as HTMLElement);
      const nextCritical = (step: number): number => {
        let i = at + step;
        while (details[i] !== undefined && details[i]?.[3] === 0) i += step;
        return details[i] === undefined ? at : i;
      };
      const moves: Record<string, () => number> = {
        ArrowRight: () => at + 1,
        ArrowLeft: () => at - 1,
        ArrowDown: () => nextCritical(1),
        ArrowUp: () => nextCritical(-1),
        Home: () => 0,
        End: () => tokens.length - 1,
      };
      const move = moves[event.key];
      if (at < 0 || move === undefined) return;
      event.preventDefault();
      focusAt(move());
    });
  }

  for (const plot of document.querySelectorAll<HTMLElement>('.plot')) {
    const details = read<PlotDetails>(plot.closest('figure'));
    const hair = plot.querySelector<HTMLElement>('.hair');
    if (details === undefined || hair === null || details.stops.length === 0) continue;
    const { names, stops } = details;
    let at = stops.length - 1;
    const reveal = (index: number): void => {
      at = Math.min(stops.length - 1, Math.max(0, index));
      const [share, title, values] = stops[at] ?? [0, '', []];
      const told = names.flatMap(([name, colour], i) =>
        values[i] === undefined ? [] : [{ name, colour, value: values[i] }],
      );
      const rows = told.map(({ name, colour, value }) =>
        element('tr', '', element('td', '', element('span', `variant ${colour}`, name)), element('td', 'n', value)),
      );
      take(plot, 'on');
      hair.style.left = `${share * 100}%`;
      plot.setAttribute('aria-valuenow', String(at));
      plot.setAttribute('aria-valuetext', [title, ...told.map(({ name, value }) => `${name} ${value}`)].join(', '));
      const area = plot.getBoundingClientRect();
      show(
        [element('p', 'title', title), element('table', '', element('tbody', '', ...rows))],
        new DOMRect(area.left + share * area.width, area.top, 0, area.height),
        true,
      );
      again = () => reveal(at);
    };
    const follow = (event: PointerEvent): void => {
      const area = plot.getBoundingClientRect();
      const share = (event.clientX - area.left) / area.width;
      let nearest = 0;
      stops.forEach(([place], i) => {
        if (Math.abs(place - share) < Math.abs((stops[nearest]?.[0] ?? 0) - share)) nearest = i;
      });
      reveal(nearest);
    };
    plot.addEventListener('pointermove', follow);
    plot.addEventListener('pointerdown', follow);
    plot.addEventListener('pointerleave', (event) => event.pointerType === 'mouse' && hide());
    plot.addEventListener('focus', () => plot.matches(':focus-visible') && reveal(at));
    plot.addEventListener('blur', () => open === plot && hide());
    plot.addEventListener('keydown', (event) => {
      const page = Math.max(1, Math.round(stops.length / 10));
      const moves: Record<string, number> = {
        ArrowRight: at + 1,
        ArrowUp: at + 1,
        ArrowLeft: at - 1,
        ArrowDown: at - 1,
        PageUp: at + page,
        PageDown: at - page,
        Home: 0,
        End: stops.length - 1,
      };
      const move = moves[event.key];
      if (move === undefined) return;
      event.preventDefault();
      reveal(move);
    });
  }

  addEventListener('keydown', (event) => event.key === 'Escape' && hide());
  // The box moves along with what it is about; the browser says when the pointer is no longer there.
  addEventListener('scroll', () => again?.(), { passive: true });
  // Paper has no clicks: what is folded is printed too.
  let opened: HTMLDetailsElement[] = [];
  addEventListener('beforeprint', () => {
    opened = [...document.querySelectorAll<HTMLDetailsElement>('details:not([open])')];
    for (const details of opened) details.open = true;
  });
  addEventListener('afterprint', () => {
    for (const details of opened) details.open = false;
  });
}

/** The page's script, ready to stand inline. */
export const pageScript = `(${enhance.toString()})();`;
