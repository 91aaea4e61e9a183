/** The style of the page: for the screen and for A4 paper. */
export const STYLE = `
:root { color-scheme: light; --ink: #1a1d21; --faint: #5c6670; --rule: #d5dae0; --pass: #1a6b3c; --fail: #a3182b; --open: #8a5a00; --tint: #f5f7f9 }
* { box-sizing: border-box }
body { font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; color: var(--ink); background: #fff; max-width: 52rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .25rem }
h2 { font-size: 1.2rem; margin: 2.25rem 0 .75rem; border-bottom: 1px solid var(--rule); padding-bottom: .3rem }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem }
p { margin: .5rem 0 }
.faint { color: var(--faint) }
.small { font-size: .85rem }
code, .mono { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: .82em; overflow-wrap: anywhere }
.verdict { border-left: 6px solid; padding: .9rem 1.1rem; margin: 1.25rem 0; background: var(--tint) }
.verdict strong { display: block; font-size: 1.3rem }
.valid { color: var(--pass) } .invalid { color: var(--fail) } .indeterminate, .unreadable { color: var(--open) }
.verdict.valid { border-color: var(--pass) } .verdict.invalid { border-color: var(--fail) }
.verdict.indeterminate, .verdict.unreadable { border-color: var(--open) }
.verdict p { color: var(--ink) }
.badge { display: inline-block; font-weight: 600; font-size: .78rem; letter-spacing: .02em; white-space: nowrap }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; font-size: .9rem }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem .35rem 0; border-bottom: 1px solid var(--rule); overflow-wrap: anywhere }
.list { table-layout: fixed } .list th:nth-child(1) { width: 11.5rem } .list th:nth-child(3) { width: 26% } .list th:nth-child(4) { width: 8.5rem }
thead th { color: var(--faint); font-weight: 600; font-size: .8rem }
.facts th { width: 11rem; font-weight: 500; color: var(--faint) }
.checks td:first-child { width: 1.6rem; font-weight: 700 } .checks td:nth-child(2) { width: 38% }
.checks .why { color: var(--fail) }
.number { text-align: right; font-variant-numeric: tabular-nums }
figure { margin: 1rem 0 } figcaption { color: var(--faint); font-size: .8rem }
.timeline { width: 100%; height: auto; font-size: 10.5px }
.timeline .axis { stroke: var(--faint); stroke-width: 1.5 } .timeline .stem { stroke: var(--rule) }
.timeline .validity { fill: #dbe7f3 } .timeline text { text-anchor: middle; fill: var(--ink) }
.timeline .label { font-weight: 600 } .timeline .after { fill: var(--faint); font-style: italic }
.timeline .proven circle { fill: var(--pass) } .timeline .claimed circle { fill: #fff; stroke: var(--ink); stroke-width: 1.5 }
.timeline g.validity circle { fill: #6f93b8 }
section.container { margin-top: 3rem }
footer { margin-top: 3rem; border-top: 1px solid var(--rule); padding-top: .75rem }
@page { size: A4; margin: 16mm 15mm 18mm; @bottom-right { content: counter(page) " / " counter(pages); font: 9pt system-ui, sans-serif; color: #5c6670 } }
@media print {
  html { font-size: 9.5pt } body { font-size: 9.5pt; line-height: 1.35; max-width: none; margin: 0; padding: 0; -webkit-print-color-adjust: exact; print-color-adjust: exact }
  h2, h3 { break-after: avoid } tr, figure, .verdict { break-inside: avoid } thead { display: table-header-group }
  th, td { padding-top: .2rem; padding-bottom: .2rem } h2 { margin-top: 1.25rem } h3 { margin-top: .75rem }
  .verdict { margin: .75rem 0; padding: .6rem .9rem } figure { margin: .5rem 0 } .timeline { max-height: 36mm } .checks { font-size: .82em } .checks .small { font-size: 1em }
  section.container { break-before: page; margin-top: 0 } section.container h2 { margin-top: 0 }
  a { color: inherit; text-decoration: none }
}`
