/* Numbers as text: U+2212 for minus, commas between thousands, compact figures in tiles only.
   The same rules as `formats.py`; a test compares the two. */
"use strict";
{
  const desk = (window.desk ??= {});
  const MINUS = "\u2212";
  const NOTHING = "–";
  const SIZES = [[1e9, "B"], [1e6, "M"], [1e3, "k"]];
  const missing = (value) => value === null || value === undefined || Number.isNaN(value);
  const formatters = new Map();

  const grouped = (value, decimals) => {
    if (!formatters.has(decimals)) {
      formatters.set(decimals, new Intl.NumberFormat("en-US", {
        minimumFractionDigits: decimals, maximumFractionDigits: decimals, roundingMode: "halfEven",
      }));
    }
    return formatters.get(decimals).format(value);
  };

  const number = (value, decimals = 0, sign = false) => {
    if (missing(value)) return NOTHING;
    const text = grouped(Math.abs(value), decimals);
    const zero = !/[1-9]/.test(text);
    if (value < 0 && !zero) return MINUS + text;
    return sign && value > 0 && !zero ? `+${text}` : text;
  };

  const compact = (value, sign = false) => {
    if (missing(value)) return NOTHING;
    for (const [size, letter] of SIZES) {
      if (Math.abs(value) >= size) {
        const scaled = value / size;
        return number(scaled, Math.abs(scaled) < 100 ? 2 : 1, sign) + letter;
      }
    }
    return number(value, 0, sign);
  };

  const percent = (ratio, decimals = 0, sign = false) =>
    missing(ratio) ? NOTHING : `${number(ratio * 100, decimals, sign)} %`;

  const age = (ms) => {
    if (missing(ms)) return NOTHING;
    if (ms < 1000) return `${Math.round(ms)} ms`;
    if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
    if (ms < 120_000) return `${Math.round(ms / 1000)} s`;
    return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
  };

  desk.formats = { number, compact, percent, age, MINUS, NOTHING };
}
