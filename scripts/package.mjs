// `npm run package [-- options]`: builds the addons as they are shipped, takes their symbols apart, checks them, and
// packs the main package and one per platform into build/packages.
//
//   --target <triple>   for this platform; several are allowed; without it for the one this runs on
//   --all               for all eight
//   --no-build          packs the addons that lie in build/addons/<platform>; without a target all that do
//   --addon <file>      packs this library as the addon of the one target
//   --place             puts this system's addon where `npm run build` would, so that tests run on what ships
//   --repository <url>  where the sources are; without it what GitHub's CI says, or nothing
//   --release           nothing may be missing: the licences of what is linked in, the repository
//
// Symbols are kept in build/symbols/<platform>. build/packages/packages.json lists what there is to publish. Exits with
// 1 when something does not compile or is not as it must be, and with 2 when a tool is missing.

import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { fail, root, step } from './_shared.mjs'
import { buildAddon, generatedBy } from './package/build.mjs'
import { repositoryOf } from './package/manifests.mjs'
import { pack, tableOf, writeList } from './package/pack.mjs'
import { addonName, hostPlatform, platformOf, platforms } from './package/platforms.mjs'
import { licenceTexts, readMainManifest, stageMain, stagePlatform } from './package/stage.mjs'
import { splitSymbols } from './package/symbols.mjs'
import { MissingTool } from './package/tools.mjs'

const packages = join(root, 'build', 'packages')

const options = readOptions()
const repository = repositoryOf(options.repository)
checkOrigin()
if (!step(process.execPath, [join('scripts', 'check-packages.mjs')])) fail('the packages do not fit together.')
const chosen = choosePlatforms()
for (const platform of chosen) provideAddon(platform)
if (options.place) place(hostPlatform())
const results = packAll(chosen)

const problems = results.flatMap((result) => result.problems)
for (const problem of problems) console.error(problem)
if (problems.length > 0) fail('what was packed must not be published; the reasons are above.')
writeList(
  packages,
  readMainManifest().version,
  results.map(({ entry }) => entry),
)
console.log(`\n${tableOf(results.map(({ entry }) => entry))}\n\nin ${relative(root, packages)}`)

function readOptions() {
  const flag = { type: 'boolean' }
  try {
    const { values } = parseArgs({
      options: {
        target: { type: 'string', multiple: true },
        all: flag,
        'no-build': flag,
        addon: { type: 'string' },
        place: flag,
        repository: { type: 'string' },
        release: flag,
      },
    })
    return values
  } catch (error) {
    return fail(error.message)
  }
}

// The licences ask that their texts go along with the binary, and npm's provenance that the repository is named.
function checkOrigin() {
  const missing = []
  if (!existsSync(licenceTexts)) missing.push('the licences of what is linked in (node scripts/release/licenses.mjs)')
  if (!repository) missing.push('the repository (--repository <url>)')
  if (options.release && missing.length > 0) fail(`a release needs ${missing.join(' and ')}.`)
  for (const what of missing) console.log(`skipped: ${what}`)
}

function choosePlatforms() {
  if (options.all) return platforms
  if (options.target) {
    return options.target.map((target) => platformOf(target) ?? fail(`there is no package for ${target}.`))
  }
  if (options['no-build']) {
    const found = platforms.filter((platform) => existsSync(addonOf(platform)))
    return found.length > 0 ? found : fail('there is no addon in build/addons.')
  }
  return [hostPlatform() ?? fail(`there is no package for ${process.platform}-${process.arch}.`)]
}

// Leaves the stripped addon in build/addons/<platform>.
function provideAddon(platform) {
  const addon = addonOf(platform)
  if (options['no-build']) {
    if (!existsSync(addon)) fail(`there is no ${relative(root, addon)}.`)
    return
  }
  if (options.addon && chosen.length > 1) fail('`--addon` is for one target.')
  try {
    const library = options.addon ?? buildAddon(platform)
    mkdirSync(join(addon, '..'), { recursive: true })
    splitSymbols(library, platform, addon, join(root, 'build', 'symbols', platform.name))
  } catch (error) {
    if (!(error instanceof MissingTool)) throw error
    console.error(`\nmillrace: ${error.message}\n`)
    process.exit(2)
  }
}

// With the types that napi has generated, when it was built here. Renamed into place, not written over: a process that has the old
// addon mapped keeps the old file.
function place(platform) {
  if (!chosen.includes(platform)) fail('`--place` is for this system, which is none of the targets.')
  const wasBuilt = !options['no-build'] && !options.addon
  const generated = wasBuilt ? [join(generatedBy(platform), 'binding.d.cts')] : []
  for (const file of [...generated, addonOf(platform)]) {
    const target = join(root, basename(file))
    copyFileSync(file, `${target}.new`)
    renameSync(`${target}.new`, target)
  }
}

function packAll(ofPlatforms) {
  if (!step(process.execPath, [join('scripts', 'ensure-built.mjs'), '--js'])) fail('the build failed.')
  rmSync(packages, { recursive: true, force: true })
  const stage = join(packages, 'stage')
  const packed = ofPlatforms.map((platform) => {
    stagePlatform(platform, addonOf(platform), join(stage, platform.name), repository)
    return pack(join(stage, platform.name), packages, platform)
  })
  stageMain(join(stage, 'millrace'), repository)
  return [...packed, pack(join(stage, 'millrace'), packages)]
}

function addonOf(platform) {
  return join(root, 'build', 'addons', platform.name, addonName(platform))
}
