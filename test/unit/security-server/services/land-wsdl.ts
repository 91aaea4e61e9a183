// A WSDL as a land register would publish it: two versions of one operation, SOAP 1.1 and 1.2 ports, comments, internal addresses.

export const SOAP_HTTP = 'http://schemas.xmlsoap.org/soap/http'

export const LAND_WSDL = `<?xml version="1.0" encoding="UTF-8"?>
<!-- <soap:address location="http://comment.internal/"/> is no address -->
<w:definitions name="land" targetNamespace="urn:land" xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:tns="urn:land"
    xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:s12="http://schemas.xmlsoap.org/wsdl/soap12/"
    xmlns:xroad="http://x-road.eu/xsd/xroad.xsd">
  <w:types><xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:land"/></w:types>
  <w:message name="in"/>
  <w:portType name="land">
    <w:operation name="findParcel">
      <w:documentation><xroad:title>Find
        a parcel</xroad:title><xroad:notes>By its code.</xroad:notes></w:documentation>
      <w:input message="tns:in"/>
    </w:operation>
    <w:operation name="listOwners"><w:input message="tns:in"/></w:operation>
  </w:portType>
  <w:binding name="land2012" type="tns:land">
    <s12:binding transport="${SOAP_HTTP}"/>
    <w:operation name="listOwners"/>
    <w:operation name="onlyIn12"/>
  </w:binding>
  <w:binding name="land1" type="tns:land">
    <soap:binding style="document" transport="${SOAP_HTTP}"/>
    <w:operation name="findParcel"><soap:operation soapAction=""/><xroad:version> v1 </xroad:version></w:operation>
    <w:operation name="listOwners"><soap:operation soapAction=""/><xroad:version/></w:operation>
  </w:binding>
  <w:binding name="land2" type="tns:land">
    <soap:binding transport="${SOAP_HTTP}"/>
    <w:operation name="findParcel"><old:version xmlns:old="http://x-road.ee/xsd/x-road.xsd">v2</old:version></w:operation>
  </w:binding>
  <w:binding name="mail" type="tns:land">
    <soap:binding transport="http://schemas.xmlsoap.org/soap/smtp"/>
    <w:operation name="byMail"/>
  </w:binding>
  <w:service name="land">
    <w:port name="p12" binding="tns:land2012"><s12:address location="http://12.internal/land"/></w:port>
    <w:port name="p1" binding="tns:land1"><soap:address location="http://10.0.0.7:8080/land?tenant=1&amp;v=1"/></w:port>
    <w:port name="p1again" binding="tns:land1"><soap:address location='http://backup.internal/land'/></w:port>
    <w:port name="p2" binding="tns:land2"><soap:address location="https://10.0.0.7/land2"/></w:port>
    <w:port name="pm" binding="tns:mail"><soap:address location="mailto:land@example.org"/></w:port>
  </w:service>
</w:definitions>
`
