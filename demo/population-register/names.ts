// Words the synthetic population is made of. Common Estonian names and places; nobody in particular.

const words = (text: string): readonly string[] => text.trim().split(/\s+/)

export const MALE_NAMES = words(`
  Aleksander Andres Andrus Ants Ardi Arvo Eerik Erki Hannes Hendrik Henri Indrek Jaan Jaanus Jako Johannes Jüri Kaarel Kaspar
  Kristjan Kristo Lauri Lembit Madis Marek Margus Mart Martin Mihkel Märt Oskar Ott Peeter Priit Raivo Rasmus Rein Riho Robert
  Sander Siim Sten Taavi Tanel Tarmo Tiit Toomas Tõnis Urmas Uku Valdur Veiko Villu Ülo`)

export const FEMALE_NAMES = words(`
  Aino Anna Anneli Birgit Eha Elina Elo Emma Ene Eva Evelin Grete Heli Helena Helle Ingrid Inga Jaanika Kadri Kai Karin Katrin
  Keiti Kersti Kristiina Küllike Laura Leelo Liina Liis Linda Maarja Maie Mare Mari Marika Merike Mirjam Monika Piret Reet Riina
  Sigrid Signe Siiri Sirje Tiina Tiiu Triin Tuuli Ulvi Urve Virve Õie`)

export const SURNAMES = words(`
  Allik Aas Eller Hallik Hein Hunt Ilves Jakobson Jõesaar Järv Kaasik Kallas Kangur Karu Kask Kivi Koit Koppel Kruus Kukk Kuusk
  Kuusik Kõiv Laas Laine Lepik Lepp Lill Luik Lõhmus Mets Mägi Mänd Männik Nurk Nurm Oja Ojala Orav Paju Pent Petersell Põder
  Põld Pärn Raud Raudsepp Rebane Roos Rosin Saar Saks Salu Sarapuu Sepp Sild Soosaar Suvi Talvik Tamm Tamme Teder Tomson Toom
  Treier Tänav Uibo Vaher Vares Veski Viik Võsu Õun Ööbik Ülesoo Ääremaa`)

export const STREETS = words(`
  Aia Järve Kalda Kase Kesk Kooli Kuuse Lai Liiva Lille Metsa Mäe Niidu Nurme Oru Pargi Pikk Põllu Pärna Ranna Raudtee Sadama
  Sireli Soo Tamme Tartu Tiigi Tuule Vaba Vabaduse Veski Õpetaja`)

export interface Place {
  readonly municipality: string
  readonly county: string
  /** First two digits of the postal code; the rest is drawn. */
  readonly postalPrefix: string
}

export const PLACES: readonly Place[] = [
  { municipality: 'Tallinn', county: 'Harju maakond', postalPrefix: '10' },
  { municipality: 'Tallinn', county: 'Harju maakond', postalPrefix: '13' },
  { municipality: 'Viimsi vald', county: 'Harju maakond', postalPrefix: '74' },
  { municipality: 'Kärdla', county: 'Hiiu maakond', postalPrefix: '92' },
  { municipality: 'Narva linn', county: 'Ida-Viru maakond', postalPrefix: '20' },
  { municipality: 'Jõgeva vald', county: 'Jõgeva maakond', postalPrefix: '48' },
  { municipality: 'Paide linn', county: 'Järva maakond', postalPrefix: '72' },
  { municipality: 'Haapsalu linn', county: 'Lääne maakond', postalPrefix: '90' },
  { municipality: 'Rakvere linn', county: 'Lääne-Viru maakond', postalPrefix: '44' },
  { municipality: 'Põlva vald', county: 'Põlva maakond', postalPrefix: '63' },
  { municipality: 'Pärnu linn', county: 'Pärnu maakond', postalPrefix: '80' },
  { municipality: 'Rapla vald', county: 'Rapla maakond', postalPrefix: '79' },
  { municipality: 'Saaremaa vald', county: 'Saare maakond', postalPrefix: '93' },
  { municipality: 'Tartu linn', county: 'Tartu maakond', postalPrefix: '50' },
  { municipality: 'Tartu linn', county: 'Tartu maakond', postalPrefix: '51' },
  { municipality: 'Valga vald', county: 'Valga maakond', postalPrefix: '68' },
  { municipality: 'Viljandi linn', county: 'Viljandi maakond', postalPrefix: '71' },
  { municipality: 'Võru linn', county: 'Võru maakond', postalPrefix: '65' },
]
