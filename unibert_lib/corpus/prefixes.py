"""Prefixes of links that are not text: files and categories in many languages, and links to other Wikipedias.

A dump declares its own names in ``<siteinfo>``, and those are used too; these tables serve excerpts without one.
"""

from __future__ import annotations

from functools import cache

from unibert_lib.languages import LANGUAGES

# Lower case, by language; the English names work in every Wikipedia.
_FILE_AND_CATEGORY = {
    "en": "file,image,media,category",
    "ar fa ur": "ملف,صورة,وسائط,تصنيف,پرونده,رده,تصویر,فائل,زمرہ,میڈیا",
    "ru bg uk be": "файл,изображение,медиа,категория,медия,картинка,категорія,зображення,медіа,выява,катэгорыя",
    "sr mk": "слика,датотека,категорија,медији,медија",
    "kk tt cv mn tg": "санат,төркем,категори,ӳкерчĕк,ангилал,зураг,гурӯҳ,акс",
    "de nl af": "datei,bild,kategorie,medium,bestand,afbeelding,categorie,lêer,beeld",
    "es pt it": "archivo,imagen,medio,categoría,ficheiro,imagem,categoria,immagine",
    "fr ca oc gl ast ro": "fichier,catégorie,média,fitxer,imatge,fichièr,imaxe,imaxen,fişier,imagine,categorie",
    "el": "αρχείο,εικόνα,μέσο,κατηγορία",
    "hi mr ne": "चित्र,मीडिया,श्रेणी,वर्ग,दस्तावेज",
    "bn ml ta": "চিত্র,মিডিয়া,বিষয়শ্রেণী,ചിത്രം,വർഗ്ഗം,പ്രമാണം,படிமம்,பகுப்பு",
    "te kn gu pa": "దస్త్రం,బొమ్మ,వర్గం,ಚಿತ್ರ,ವರ್ಗ,ચિત્ર,શ્રેણી,ਤਸਵੀਰ,ਸ਼੍ਰੇਣੀ",
    "sw tr az uz": "picha,faili,jamii,dosya,resim,ortam,kategori,medya,şəkil,kateqoriya,fayl,turkum,tasvir",
    "zh": "文件,档案,檔案,文檔,图像,圖像,媒体,媒體,分类,分類",
    "ja ko": "ファイル,画像,メディア,カテゴリ,파일,그림,미디어,분류",
    "pl cs sk hu": "plik,grafika,kategoria,soubor,obrázok,súbor,kategória,fájl,kép",
    "hr sl sh bs": "slika,datoteka,kategorija",
    "lv lt et": "attēls,fails,vaizdas,pilt,kategooria",
    "fi sv da no is": "tiedosto,kuva,luokka,fil,mynd,flokkur",
    "ga cy br sq": "íomhá,catagóir,delwedd,categori,restr,rummad,skeudenn,skeda",
    "vi id ms": "tập tin,hình,thể loại,phương tiện,berkas,gambar,fail",
    "tl ceb mg ht": "talaksan,larawan,kaurian,payl,sary,sokajy,fichye",
    "th my km": "ไฟล์,ภาพ,หมวดหมู่,สื่อ,ဖိုင်,ကဏ္ဍ,រូបភាព,ចំណាត់ថ្នាក់ក្រុម",
    "he hy ka am": "קובץ,תמונה,קטגוריה,מדיה,տեղեկագիր,պատկեր,կատեգորիա,ფაილი,სურათი,კატეგორია,ስዕል,መደብ",
    "eo eu la io": "dosiero,kategorio,fitxategi,irudi,kategoria,imago,arkivo",
    "yo mt scn pms": "fáìlì,ẹ̀ka,stampa,immàggini,catigurìa,figura,categorìa",
}
_EVERY = frozenset(name for names in _FILE_AND_CATEGORY.values() for name in names.split(","))


@cache
def file_and_category(language: str, declared: frozenset[str] = frozenset()) -> frozenset[str]:
    """The prefixes, in lower case, of links to files and categories in one Wikipedia.

    English names are valid in all. To the names that a dump declares come the table's for its language, since
    declarations leave out aliases (Dutch ``Afbeelding``). Only where a dump declares nothing and its language has no
    row do the names of all languages count: elsewhere Romanian's ``Imagine:`` is a title.

    Source: mediawiki.org, Help:Namespaces.
    """
    own = [names for codes, names in _FILE_AND_CATEGORY.items() if language in codes.split()]
    if not own and not declared:
        return _EVERY
    return declared | frozenset(",".join([_FILE_AND_CATEGORY["en"], *own]).split(","))


# Codes of Wikipedias: [[de:Berlin]] links an article to its sisters and shows nothing.
_OTHER_WIKIPEDIAS = (
    "ab ace ady ak an arc as atj av avk ay ban bat-smg bcl be-tarask be-x-old bh bi bjn bm bo bug bxr cdo cho chr chy"
    " ckb co cr crh cu din diq dty dv dz ee eml ext ff fiu-vro fj frp frr fur gag gan gcr glk gn gom gor got guw gv"
    " ha hak haw hif ho hyw hz ig ii ik ilo inh iu jam jbo kaa kbd kbp kg ki kj kl koi krc ks ksh kv lad lbe lez lg"
    " li lij lld ln lo lrc ltg mad mai map-bms mdf mh mi mni mo mrj mus mwl myv mzn na nah nap nds-nl ng nqo nrm nso"
    " nv ny olo om or os pag pap pcd pdc pfl pi pih pnt ps qu rm rmy rn roa-rup roa-tara rue rw sa sah sat sc sd se sg"
    " shi shn si simple skr sm smn sn so srn st stq szl szy tay tcy tet ti tn to tpi trv ts tum tw ty tyv udm ve vec"
    " vep vls wa wo xal xmf za zea zh-classical zh-min-nan zu"
)
LANGUAGE_LINKS = frozenset(LANGUAGES) | frozenset(_OTHER_WIKIPEDIAS.split())
