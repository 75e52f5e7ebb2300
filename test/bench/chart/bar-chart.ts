/** What is compared: bars of one group are to one scale. */
export interface Group {
  readonly label: string
  readonly bars: readonly Bar[]
}

export interface Bar {
  /** Whose it is; the same in every group. */
  readonly series: string
  readonly value: number
}

export interface BarChart {
  readonly title: string
  /** Below the title, a line each. */
  readonly notes: readonly string[]
  /** Every series that there is, also those that have no bar here, so that each has its colour in every chart. */
  readonly series: readonly string[]
  readonly groups: readonly Group[]
}

/** Of each series, in their order: readable on a light and on a dark ground, and by the colour-blind. */
const LIGHT = ['#0969da', '#8c959f', '#bc4c00', '#1a7f37', '#8250df', '#bf8700']
const DARK = ['#58a6ff', '#8b949e', '#f0883e', '#3fb950', '#bc8cff', '#d29922']

// All in pixels.
const WIDTH = 760
const MARGIN = 16
const SERIES_WIDTH = 100
/** For the figure behind the longest bar. */
const VALUE_WIDTH = 90
const TITLE_HEIGHT = 28
const NOTE_HEIGHT = 17
const GROUP_HEAD = 26
const BAR_HEIGHT = 18
const GROUP_GAP = 8

const BAR_SPACE = WIDTH - 2 * MARGIN - SERIES_WIDTH - VALUE_WIDTH

/**
 * An SVG of horizontal bars, group below group, each with its figure. It has a ground of its own, light or dark as its reader's system is, so that it
 * is readable on any page.
 */
export function barChart({ title, notes, series, groups }: BarChart): string {
  const lines: string[] = []
  let y = MARGIN
  const text = (kind: string, x: number, words: string): void => {
    lines.push(`<text class="${kind}" x="${x}" y="${y}">${escaped(words)}</text>`)
  }
  y += TITLE_HEIGHT / 2
  text('title', MARGIN, title)
  y += TITLE_HEIGHT / 2
  for (const note of notes) {
    y += NOTE_HEIGHT / 2
    text('note', MARGIN, note)
    y += NOTE_HEIGHT / 2
  }
  for (const { label, bars } of groups) {
    y += GROUP_GAP + GROUP_HEAD / 2
    text('group', MARGIN, label)
    y += GROUP_HEAD / 2
    const longest = Math.max(...bars.map(({ value }) => value))
    for (const { series: name, value } of bars) {
      const width = longest > 0 ? Math.max(1, Math.round((value / longest) * BAR_SPACE)) : 1
      const start = MARGIN + SERIES_WIDTH
      lines.push(
        `<rect class="s${series.indexOf(name) % LIGHT.length}" x="${start}" y="${y + 2}" width="${width}" height="${BAR_HEIGHT - 4}" rx="2"/>`,
      )
      y += BAR_HEIGHT / 2
      text('series', MARGIN, name)
      text('value', start + width + 6, value.toLocaleString('en'))
      y += BAR_HEIGHT / 2
    }
  }
  const height = y + MARGIN
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<style>${STYLE}</style>`,
    `<rect class="ground" width="${WIDTH}" height="${height}" rx="6"/>`,
    ...lines,
    '</svg>\n',
  ].join('\n')
}

const colours = (ground: string, ink: string, faint: string, bars: readonly string[]): string =>
  [
    `.ground{fill:${ground}}text{fill:${ink}}.note{fill:${faint}}`,
    ...bars.map((colour, i) => `.s${i}{fill:${colour}}`),
  ].join('')

const STYLE = [
  'text{font:13px system-ui,-apple-system,"Segoe UI",sans-serif;dominant-baseline:central}',
  '.title{font-size:16px;font-weight:600}.note{font-size:12px}.group{font-weight:600}.value{font-variant-numeric:tabular-nums}',
  colours('#ffffff', '#1f2328', '#59636e', LIGHT),
  `@media(prefers-color-scheme:dark){${colours('#0d1117', '#e6edf3', '#9198a1', DARK)}}`,
].join('')

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
