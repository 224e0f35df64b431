// VitePress' own theme, without the fonts that come with it, and with a first page that is Markdown as all others are.

import { Content } from 'vitepress'
import theme from 'vitepress/theme-without-fonts'
import { h } from 'vue'
import './style.css'
import './code.css'
import './home.css'

const Landing = { render: () => h('main', { class: 'landing vp-doc' }, [h(Content)]) }

export default {
  extends: theme,
  enhanceApp: ({ app }) => void app.component('landing', Landing),
}
