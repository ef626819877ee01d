// The invented words of the sample: language codes with their scripts, and words made of random
// letters of that script. Nothing here is taken from anybody's data but the codes themselves.
import type { Random } from './random.ts';

type Text = readonly [string, ...string[]];

/** One sample language: the code as it stands in the data, and the letters of its words. */
export interface Language {
  readonly code: string;
  readonly letters: Text;
}

const LATIN = letters('ka lo mi ra tu ne so va bi du pe ri san ver dol pri en a o i um el tas');
const ACCENTED = letters('ká lö mi ra tů ně şo vå bí dü pé ři saň vør dołi ža še ñe kö e a');
const SCRIPTS: Readonly<Record<string, Text>> = {
  latin: LATIN,
  accented: ACCENTED,
  cyrillic: letters('а е и о у н р с т л к м д п в б г ж з ш я ы ра но ве'),
  greek: letters('α ε η ι ο υ ν ρ σ τ λ κ μ δ π β γ ά έ ί ό'),
  arabic: letters('ا ب ت ج د ر س ش ع ف ق ك ل م ن ه و ي'),
  hebrew: letters('א ב ג ד ה ו ז ח ט י כ ל מ נ ס ע פ צ ק ר ש ת'),
  indic: letters('क ख ग च ज ट ड त द न प ब म य र ल व स ह ा ि ी ो'),
  thai: letters('ก ข ค ง จ ช ด ต ท น บ ป พ ม ย ร ล ว ส ห า ี ู'),
  han: letters('山 水 木 金 石 田 月 日 星 河 林 森 原 野 花 草 鳥 魚 龙 云 雨 雪'),
  hangul: letters('가 나 다 라 마 바 사 아 자 차 카 타 파 하 고 노 도 로'),
  // Adlam lies outside the 16-bit plane: its letters become pairs of \u escapes.
  adlam: letters('𞤀 𞤁 𞤂 𞤃 𞤄 𞤅 𞤆 𞤇 𞤈 𞤉 𞤊 𞤋 𞤌'),
};

// The frequent codes come first: a map of few languages has mostly these.
const CODES = `
en fr de es it nl pt sv:accented pl:accented ru:cyrillic ca da nb:accented fi:accented
uk:cyrillic ar:arabic ja:han zh:han cs:accented he:hebrew zh-hans:han zh-hant:han ko:hangul eo
hu:accented tr:accented fa:arabic el:greek ro:accented en-gb en-ca sr:cyrillic bg:cyrillic
vi:accented id sk:accented eu gl hr hi:indic sl bn:indic et lt lv ms be:cyrillic
be-tarask:cyrillic th:thai ka:greek hy:greek mk:cyrillic ast mul az:accented kk:cyrillic ta:indic
te:indic ml:indic mr:indic ur:arabic af sq cy ga is:accented pt-br de-at de-ch zh-tw:han zh-hk:han
zh-cn:han zh-sg:han zh-mo:han nn:accented oc br sco tl tt:cyrillic tg:cyrillic uz:cyrillic
ky:cyrillic ba:cyrillic cv:cyrillic ce:cyrillic os:cyrillic mn:cyrillic sah:cyrillic la io ia vo ie
scn nap lmo pms vec sc co fur lij ff-adlm:adlam ff ku-arab:arabic ckb:arabic ps:arabic sd:arabic
ug:arabic pnb:arabic arz:arabic ary:arabic azb:arabic glk:arabic mzn:arabic dv:arabic yi:hebrew
lad:hebrew kn:indic gu:indic pa:indic or:indic as:indic ne:indic sa:indic si:indic bho:indic
mai:indic new:indic bpy:indic km:thai lo:thai my:thai bo:thai yue:han wuu:han gan:han lzh:han
nan-latn-pehoeji hak:han cdo jv su min bug ace bjn map-bms ceb war ilo pam pag bcl cbk-zam hil haw
sm to ty fj mi mg sw rw rn ln kg sn ny tn ts st ss ve xh zu so om am:thai ti:thai wo ha yo ig ak tw
ee bm dz:thai nv chr ay qu gn nah yua sr-ec:cyrillic sr-el sh bs hsb dsb csb szl rue:cyrillic
cu:cyrillic got nds nds-nl li fy frr stq ksh bar als gsw pdc lb wa pcd nrm frp rm an ext mwl se smn
sms kv:cyrillic koi:cyrillic udm:cyrillic mhr:cyrillic mrj:cyrillic myv:cyrillic mdf:cyrillic
av:cyrillic lez:cyrillic lbe:cyrillic ab:cyrillic ady:cyrillic kbd:cyrillic krc:cyrillic
xal:cyrillic bxr:cyrillic tyv:cyrillic alt:cyrillic crh-latn kaa gag diq kiu lrc:arabic ks:arabic
en-us tpi bi ch na pih jam srn pap ht gcr kab shi-latn zgh rif tet mad gom-latn sat:indic
tcy:indic awa:indic hif anp:indic zxx kw gv gd fo kl iu-latn ik crk ki kam lg luo mos dag gur nqo
`;

/** The first `count` languages, the frequent ones first; there are 297. */
export function sampleLanguages(count: number): readonly Language[] {
  const all = CODES.trim().split(/\s+/);
  return all.slice(0, count).map((entry) => {
    const [code = entry, script = 'latin'] = entry.split(':');
    return { code, letters: SCRIPTS[script] ?? LATIN };
  });
}

/** One to four words of the language's letters; now and then with a sign that JSON escapes. */
export function inventText(random: Random, language: Language): string {
  const words: string[] = [];
  const wordCount = 1 + random.skewed(4, 2);
  for (let word = 0; word < wordCount; word++) words.push(inventWord(random, language.letters));
  if (random.chance(0.01)) words.push(random.pick(['"quoted"', 'a\\b', '𝔸', '(№ 3)', "d'or"]));
  return words.join(' ');
}

/** An invented code such as an identifier of somebody's catalogue. */
export function inventIdentifier(random: Random): string {
  const prefix = random.pick(['n', 'cat-', 'X', 'ob', '/r/', '']);
  return `${prefix}${random.below(90_000_000) + 1000}`;
}

function inventWord(random: Random, alphabet: Text): string {
  const length = 2 + random.below(6);
  let word = '';
  while (word.length < length) word += random.pick(alphabet);
  return word;
}

function letters(text: string): Text {
  const [first = '', ...rest] = text.split(' ');
  return [first, ...rest];
}
