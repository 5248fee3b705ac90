/** Colours of light and dark: text and lines have at least 4.5:1 against their background, marks 3:1. */
const LIGHT = `--bg:#fff;--raised:#f7f7f5;--text:#1b1c1e;--muted:#5d6168;--rule:#e5e5e2;--grid:#ececea;--focus:#1a5fb4;
--warn:#8a5300;--warn-bg:#fff8ea;--warn-rule:#f0d9a8;--ok:#1a6e3c;--bad:#b3261e;
--c3-bg:#ffd9b0;--c3:#c4570c;--c2-bg:#fff1e0;--c2:#dc9a55;--tip:#fff;--tip-rule:#d6d6d2;
--v0:#5d6168;--v1:#1d62b8;--v2:#b94a06;--v3:#0b7264;--v4:#6d44b8;--v5:#a8326e;--v6:#5f6b0c;--v7:#3e6478;`;
const DARK = `--bg:#141517;--raised:#1c1e21;--text:#e9e9e6;--muted:#a2a6ad;--rule:#2e3135;--grid:#26292c;--focus:#8ab8f5;
--warn:#f2c46d;--warn-bg:#241f14;--warn-rule:#4d3f1f;--ok:#74d39a;--bad:#ff8e84;
--c3-bg:#6b3407;--c3:#ff9d4d;--c2-bg:#3d2c1d;--c2:#b07a48;--tip:#212327;--tip-rule:#3a3e43;
--v0:#a2a6ad;--v1:#7db4ff;--v2:#ff9d57;--v3:#4fcdb6;--v4:#bda2ff;--v5:#f58ec0;--v6:#c0cb62;--v7:#8fbdd6;`;

const BASE = `*,*::before,*::after{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%;scroll-padding-top:1rem}
body{margin:0 auto;max-width:71rem;padding:3rem 1.5rem 4rem;background:var(--bg);color:var(--text);
font:400 0.9375rem/1.55 ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:anywhere}
h1,h2,h3,p,ul,dl,dd,figure{margin:0;padding:0}
ul{list-style:none}
h1{font-size:2rem;line-height:1.15;font-weight:650;letter-spacing:-0.02em}
h2{font-size:1.375rem;line-height:1.3;font-weight:650;letter-spacing:-0.01em}
h3{font-size:1rem;font-weight:650;margin-top:2.25rem}
h2+h3{margin-top:1rem}
code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;font-size:0.92em}
small{display:block;font-size:0.8125rem;line-height:1.4;color:var(--muted);font-weight:400}
a{color:inherit}
:focus-visible{outline:2px solid var(--focus);outline-offset:2px;border-radius:3px}
.hidden,.skip:not(:focus){position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.skip:focus{display:inline-block;margin-bottom:1rem}
section{margin-top:4rem}
.intro{color:var(--muted);max-width:44rem;margin-top:0.25rem}
.empty{color:var(--muted);margin-top:1rem}
.kind{color:var(--muted);margin-bottom:0.375rem}
.headline{font-size:1.1875rem;line-height:1.5;max-width:46rem;margin-top:0.875rem}
.line{display:block}
.top .facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(12.5rem,1fr));gap:1.125rem 2rem;margin-top:2rem;padding-top:1.5rem;border-top:1px solid var(--rule)}
.facts dt{font-size:0.8125rem;color:var(--muted)}
nav{margin-top:2rem;border-block:1px solid var(--rule)}
nav ul{display:flex;flex-wrap:wrap;gap:0 1.75rem}
nav a{display:block;padding:0.625rem 0;text-decoration:none;color:var(--muted)}
nav a:hover{color:var(--text)}
.warnings{margin-top:2rem;padding:1rem 1.25rem;border:1px solid var(--warn-rule);background:var(--warn-bg);border-radius:8px}
.warnings h2{font-size:0.9375rem;letter-spacing:0;color:var(--warn)}
.warnings li{margin-top:0.625rem;max-width:54rem}
.legend{display:flex;flex-wrap:wrap;gap:0.375rem 1.5rem;margin:1rem 0 0.5rem;font-size:0.875rem;color:var(--muted)}
.legend em{font-style:normal}
details{margin-top:1.5rem}
summary{cursor:pointer;width:fit-content;color:var(--muted);padding:0.25rem 0}
summary:hover{color:var(--text)}
footer{margin-top:4rem;padding-top:1.25rem;border-top:1px solid var(--rule);color:var(--muted);font-size:0.8125rem}
.variant{display:inline-flex;align-items:center;gap:0.5rem;font-weight:600}
.variant::before{content:"";width:0.625rem;height:0.625rem;border-radius:50%;background:var(--c);flex:none}
.v0{--c:var(--v0)}.v1{--c:var(--v1)}.v2{--c:var(--v2)}.v3{--c:var(--v3)}.v4{--c:var(--v4)}.v5{--c:var(--v5)}.v6{--c:var(--v6)}.v7{--c:var(--v7)}`;

const TABLES = `table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{text-align:right;font-weight:400;vertical-align:baseline}
th[scope=row],th:first-child{text-align:left}
.results{width:100%;margin-top:1rem}
.results thead th{font-size:0.8125rem;color:var(--muted);padding:0.25rem 0.625rem 0.5rem;vertical-align:bottom;white-space:nowrap}
.results .groups th{text-align:left;padding-bottom:0}
.results .groups span{display:block;padding-bottom:0.25rem;border-bottom:1px solid var(--rule)}
.results tbody th small{padding-left:1.125rem}
.results tbody tr{border-top:1px solid var(--rule)}
.results tbody tr:last-child{border-bottom:1px solid var(--rule)}
.results tbody th,.results td{padding:0.75rem 0.625rem}
.results th:first-child{padding-left:0;white-space:nowrap}
.results td{white-space:nowrap}
.results .whiskers{width:22%;min-width:9rem;position:relative}
.axis{position:relative;display:block;height:1.55em}
.axis span{position:absolute;bottom:0;transform:translateX(-50%)}
.whisker{position:absolute;inset:0 0.625rem;display:block}
.whisker svg{width:100%;height:100%;display:block;overflow:visible}
.distinct{font-weight:650}
.noise,.none{color:var(--muted)}
.findings{margin-top:1.25rem;display:grid;gap:0.5rem}
.findings div{display:grid;grid-template-columns:11rem 1fr;gap:1rem}
.findings dt{font-weight:600}
.findings dd{max-width:50rem}
.scroll{overflow-x:auto;margin-top:0.75rem}
.trials{min-width:44rem;width:100%;font-size:0.875rem}
.trials th,.trials td{padding:0.4375rem 0.625rem;border-top:1px solid var(--rule);white-space:nowrap}
.trials thead th{border:0;color:var(--muted);font-size:0.8125rem}
.trials th:first-child{padding-left:0}
.trials em{font-style:normal;color:var(--muted);font-size:0.8125rem;margin-left:0.25rem}
.trials tbody tr:not(.chosen) .variant{font-weight:400}
.texts{margin:1.25rem 0 0;padding:0;list-style:none;columns:2;column-gap:2.5rem;font-variant-numeric:tabular-nums}
.texts li{display:grid;grid-template-columns:7.5rem 1fr 3.5rem 3.25rem;align-items:center;gap:0.5rem;padding:0.1875rem 0;break-inside:avoid}
.texts code{white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.texts .bar i{display:block;height:0.625rem;min-width:2px;background:var(--c3);border-radius:0 2px 2px 0}
.texts .times,.texts .share{text-align:right}
.texts .share{color:var(--muted)}`;

const CHARTS = `.charts{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:2.25rem 2.5rem;margin-top:1.25rem}
.chart figcaption{display:flex;flex-wrap:wrap;gap:0 0.625rem;align-items:baseline}
.chart b{font-weight:600}
.chart figcaption span{font-size:0.8125rem;color:var(--muted)}
.frame{padding:0.75rem 0.5rem 1.5rem 3rem}
.frame.ended{padding-right:4.5rem}
.plot{position:relative;height:190px;cursor:crosshair;font-size:0.75rem;font-variant-numeric:tabular-nums;color:var(--muted);touch-action:pan-y}
.plot svg{position:absolute;inset:0;width:100%;height:100%;overflow:visible}
.plot path,.whisker path{fill:none;vector-effect:non-scaling-stroke;stroke-linejoin:round}
.plot .grid,.whisker .grid{stroke:var(--grid);stroke-width:1}
.plot .line{stroke:var(--c);stroke-width:1.25;opacity:0.32}
.plot .line.bold{stroke-width:2;opacity:1}
.plot .dot,.whisker .dot{stroke:var(--c);stroke-width:4;stroke-linecap:round;opacity:0.32}
.plot .dot.bold{stroke-width:6;opacity:1}
.whisker .dot.bold{stroke-width:9;opacity:1}
.whisker .interval{stroke:var(--c);stroke-width:2;stroke-linecap:round}
.whisker .reference{stroke:var(--v0);stroke-width:1;stroke-dasharray:2 3}
.plot .area.c3{fill:var(--c3)}
.plot .area.c2{fill:var(--c2);opacity:0.55}
.plot .marker{stroke:var(--text);stroke-width:1;stroke-dasharray:3 3}
.yt,.xt,.end,.note{position:absolute;white-space:nowrap;line-height:1}
.yt{right:100%;margin-right:0.5rem;transform:translateY(-50%)}
.xt{top:100%;margin-top:0.5rem;transform:translateX(-50%)}
.end{left:100%;margin-left:0.5rem;transform:translateY(-50%);color:var(--c);font-weight:600;max-width:4rem;overflow:hidden;text-overflow:ellipsis;line-height:1.3}
.note{top:0;margin-left:0.375rem;color:var(--text);background:var(--bg);padding:0.125rem 0.1875rem}
.note.left{margin-left:0;transform:translateX(calc(-100% - 0.375rem))}
.hair{position:absolute;top:0;bottom:0;width:1px;background:var(--muted);display:none}
.plot.on .hair{display:block}
.xl{font-size:0.8125rem;color:var(--muted);padding-left:3rem}
.figures{display:flex;flex-wrap:wrap;gap:1.25rem 3.5rem;margin-top:1.5rem}
.figures b{display:block;font-size:1.625rem;line-height:1.2;font-weight:600;letter-spacing:-0.01em;font-variant-numeric:tabular-nums}`;

const EXAMPLES = `.example{margin-top:1.25rem;border:1px solid var(--rule);border-radius:8px;padding:1rem 1.25rem 1.125rem}
.example .question{white-space:pre-wrap;unicode-bidi:plaintext}
.example .facts{display:flex;flex-wrap:wrap;gap:0 1.25rem;margin-top:0.25rem;font-size:0.8125rem;color:var(--muted)}
.example .facts b{color:var(--text);font-weight:600}
.tokens{margin-top:0.875rem;font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;font-size:0.875rem;line-height:1.95;white-space:pre-wrap}
.t{padding:0.125rem 0;margin-right:1px;border-radius:2px;unicode-bidi:isolate;cursor:default}
.legend .t{padding:0.0625rem 0.25rem;color:var(--text);font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
.t.c3{background:var(--c3-bg);box-shadow:inset 0 -2px var(--c3)}
.t.c2{background:var(--c2-bg);box-shadow:inset 0 -1px var(--c2)}
.t.blank:not(.c3,.c2),.t.special:not(.c3,.c2){color:var(--muted)}
.t.special{margin-left:0.375rem}
.tokens .t:hover,.tokens .t.open{outline:1.5px solid var(--text);outline-offset:0;border-radius:3px}
.omitted{color:var(--muted)}
#tip{position:fixed;z-index:9;left:0;top:0;max-width:min(24rem,calc(100vw - 1.5rem));padding:0.625rem 0.75rem;background:var(--tip);border:1px solid var(--tip-rule);border-radius:8px;box-shadow:0 6px 24px rgb(0 0 0/0.14);font-size:0.8125rem;line-height:1.45;pointer-events:none}
#tip p{color:var(--muted)}
#tip .title{color:inherit;font-weight:600}
#tip code{white-space:pre-wrap}
#tip table{margin-top:0.375rem;border-spacing:0}
#tip td{padding:0.0625rem 0 0.0625rem 0.75rem;text-align:left;vertical-align:top}
#tip td:first-child{padding-left:0}
#tip .n{text-align:right;color:var(--muted);white-space:nowrap}
#tip .variant{font-weight:400}
#tip .correct{color:var(--ok)}
#tip .wrong{color:var(--bad)}
#tip .skipped{color:var(--muted)}
#tip .variant.c3,#tip .variant.c2{--c:var(--c3)}
#tip .variant.c2{--c:var(--c2)}
.terms{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:0.875rem 2.5rem;margin-top:1rem}
.terms dt{font-weight:600}
.terms dd{color:var(--muted)}`;

const NARROW = `@media (max-width:62rem){.results .whiskers{width:18%;min-width:6rem}.results tbody th,.results td,.results thead th{padding-inline:0.375rem}}
@media screen and (max-width:52rem){body{padding:1.75rem 1rem 3rem}h1{font-size:1.625rem}.headline{font-size:1.0625rem}section{margin-top:3rem}
.line{display:block}
.top .facts{grid-template-columns:repeat(2,minmax(0,1fr));gap:1rem 1.25rem}
.charts,.terms{grid-template-columns:minmax(0,1fr)}.texts{columns:1}
.findings div{grid-template-columns:1fr;gap:0}
.results thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.results,.results tbody,.results th,.results td{display:block}
.results tbody tr{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));column-gap:1.75rem;padding:0.875rem 0}
.results tbody th{padding:0 0 0.5rem}
.results tbody th,.results .wide{grid-column:1/-1}
.results td{display:flex;justify-content:space-between;gap:1rem;padding:0.1875rem 0;text-align:right;align-items:baseline}
.results td::before{content:attr(data-name);color:var(--muted);font-size:0.8125rem}
.results td small{display:inline;margin-left:0.5rem}
.results .whiskers{width:auto;padding:0.1875rem 0;min-height:1.75rem}
.results .whiskers>span{width:65%}.results .whisker{position:relative;inset:auto;height:1.25rem}
.results td:has(.none){display:none}
#tip.sheet{left:0.75rem!important;right:0.75rem;top:auto!important;bottom:0.75rem;max-width:none}}
@media screen and (max-width:23rem){.results tbody tr{grid-template-columns:minmax(0,1fr)}}
@media print{html{font-size:11.5px}body{max-width:none;padding:0}nav,.skip,#tip{display:none}section{margin-top:2rem}
.chart,.example,.results tr,.warnings,.terms div,.findings div{break-inside:avoid}h2,h3{break-after:avoid}
.t,.area,.bar i,.variant::before,.warnings{print-color-adjust:exact;-webkit-print-color-adjust:exact}
.results tbody th,.results td,.results thead th{padding-inline:0.375rem}.scroll{overflow:visible}.trials{min-width:0}}`;

/** The page's style sheet: system fonts, light by default and on paper, dark where the reader's system is. */
export const styleSheet = `:root{${LIGHT}}
@media screen and (prefers-color-scheme:dark){:root{${DARK}}}
${BASE}
${TABLES}
${CHARTS}
${EXAMPLES}
${NARROW}`;
