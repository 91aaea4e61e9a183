// The door of the room: X-Road on the wire. Every export is named here.
export { type ProtocolCode, ProtocolError } from './error.ts'
export {
  attributeOf,
  childElement,
  childElements,
  descendants,
  escapeAttribute,
  escapeText,
  isElement,
  readXml,
  textOf,
  XMLNS,
  type XmlAttribute,
  type XmlElement,
  type XmlInstruction,
  type XmlLimits,
  type XmlNode,
} from './xml.ts'
