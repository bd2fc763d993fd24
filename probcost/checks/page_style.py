"""How a report looks: one column that a phone can hold, colours by Okabe & Ito, nothing fetched from anywhere."""

from __future__ import annotations

from probcost.style import COLOURS

__all__ = ["CSS"]

CSS = f"""
*{{box-sizing:border-box}}
html{{-webkit-text-size-adjust:100%;text-size-adjust:100%}}
body{{margin:0 auto;padding:1rem 1rem 3rem;max-width:66rem;color:#1a1a1a;background:#fff;
  font:1.0625rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:break-word}}
h1{{font-size:1.7rem;line-height:1.2;margin:.4rem 0 1rem}}
h2{{font-size:1.3rem;line-height:1.25;margin:2.6rem 0 .8rem;padding-top:.9rem;border-top:1px solid #ddd}}
p,ul,dl,figure{{margin:.7rem 0}}
p,li{{max-width:46rem}}
.verdict{{padding:.8rem 1rem;border-left:.4rem solid {COLOURS["model"]};background:#eef5fa;font-size:1.125rem;max-width:none}}
.verdict.denied{{border-color:{COLOURS["alert"]};background:#fdf1e8}}
nav ul{{display:flex;flex-wrap:wrap;gap:.1rem 1.1rem;padding:0;list-style:none;max-width:none}}
a{{color:#005a92}}
nav a{{display:inline-block;padding:.25rem 0}}
.box{{overflow-x:auto;margin:.8rem 0}}
.box:focus-visible{{outline:3px solid {COLOURS["model"]};outline-offset:2px}}
table{{border-collapse:collapse;font-size:.97rem;line-height:1.4}}
caption{{text-align:left;font-weight:600;padding:0 0 .4rem}}
th,td{{padding:.4rem .9rem .4rem 0;text-align:left;vertical-align:top;border-bottom:1px solid #e4e4e4}}
th:last-child,td:last-child{{padding-right:0}}
thead th,thead td{{border-bottom:2px solid #777;vertical-align:bottom}}
tbody th{{font-weight:600;min-width:6.5rem}}
.number{{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}}
thead .number{{white-space:normal}}
.words{{min-width:15rem}}
.more{{display:block;font-weight:400;color:#555;font-size:.94rem}}
.advice{{display:block;margin-top:.25rem}}
.mark{{font-weight:700;padding-right:.5rem}}
.mark.no{{color:#a84300}}.mark.yes{{color:#005a92}}.mark.perhaps{{color:#555}}
img{{max-width:100%;height:auto;display:block}}
.panels{{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,21rem),1fr));gap:1.2rem;align-items:start}}
figure{{margin:1.6rem 0}}
figcaption{{margin-top:.4rem;max-width:46rem;color:#333}}
figcaption b{{color:#1a1a1a}}
.equation{{margin:1rem 0;padding:.6rem .8rem;background:#f6f6f6;overflow-x:auto;line-height:2.5;font-size:1.1rem}}
.math svg{{overflow:visible;margin-right:.22em;fill:currentColor}}
.panels.three{{grid-template-columns:repeat(auto-fit,minmax(min(100%,19rem),1fr))}}
.panels .wide{{grid-column:1/-1}}
.panels h3{{margin:0 0 .3rem;font-size:1rem;line-height:1.3}}
dl{{display:grid;grid-template-columns:max-content 1fr;gap:.3rem 1.2rem}}
dt{{font-weight:600}}
dd{{margin:0;min-width:0}}
footer{{margin-top:3rem;padding-top:.8rem;border-top:1px solid #ddd;color:#555;font-size:.94rem}}
@media(max-width:36rem){{
  .facts{{grid-template-columns:1fr;gap:0}}
  .facts dd{{margin-bottom:.6rem}}
  th,td{{padding-right:.7rem}}
  table:not(.stack) tbody th{{position:sticky;left:0;background:#fff}}
  .stack,.stack tbody{{display:block}}
  .stack thead{{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}}
  .stack tr{{display:flex;flex-wrap:wrap;gap:.1rem 1.2rem;padding:.6rem 0;border-bottom:1px solid #e4e4e4}}
  .stack th,.stack td{{display:block;border:0;padding:0;min-width:0}}
  .stack tbody th,.stack .words{{flex:1 0 100%}}
  .stack .marked{{padding-left:1.6rem}}
  .stack .marked .mark{{margin-left:-1.6rem;width:1.6rem;margin-right:-1.2rem;padding:0}}
  .stack .marked th{{flex-basis:calc(100% - 1.6rem)}}
  .stack td:empty{{display:none}}
  .stack .number::before{{content:attr(data-label) " ";color:#555}}
}}
@media print{{h2{{break-after:avoid}}figure,tr{{break-inside:avoid}}nav{{display:none}}}}
"""
