// Package staff knows the people of an account on both platforms and who of Bitrix24 is whom at UIS.
package staff
